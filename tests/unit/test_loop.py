"""One task an object, on virtual time: when a step runs, when it runs again, and that two never overlap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from offheap.loop import Loop

pytestmark = pytest.mark.looptime

JITTER = 1.2
"""Delays after a failure are at most this much longer than the rule says, and at least 0.8 of it."""


class ConflictError(Exception):
    """Somebody wrote first."""


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Steps:
    """A step that answers what it is told to, one answer a call (the last one again and again), and books its calls."""

    answers: list[float | Exception | None] = field(default_factory=lambda: [None])
    takes: float = 0.0
    began: list[float] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0

    async def __call__(self, namespace: str, name: str) -> float | None:
        self.began.append(now())
        self.keys.append(f"{namespace}/{name}")
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.running -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Make = Callable[..., Loop]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Loops that are stopped when the test is over."""
    made: list[Loop] = []

    def new(step: Callable[[str, str], Awaitable[float | None]], **options: object) -> Loop:
        made.append(Loop(step, **options))  # type: ignore[arg-type]
        return made[-1]

    yield new
    for loop in made:
        await loop.stop()


async def test_a_wake_runs_one_step_and_then_only_a_wake_matters(make: Make) -> None:
    steps = Steps()
    loop = make(steps)
    loop.wake("shop", "a")
    await asyncio.sleep(3600)
    assert steps.keys == ["shop/a"]
    loop.wake("shop", "a")
    await asyncio.sleep(3600)
    assert steps.began == [0, 3600]


async def test_the_step_says_when_it_wants_to_run_again(make: Make) -> None:
    steps = Steps([2.0, 10.0, 0.0, None])
    make(steps).wake("shop", "a")
    await asyncio.sleep(3600)
    assert steps.began == [0, 2, 12, 12]


async def test_a_wake_cuts_the_delay_short(make: Make) -> None:
    steps = Steps([600.0, None])
    loop = make(steps)
    loop.wake("shop", "a")
    await asyncio.sleep(5)
    loop.wake("shop", "a")
    await asyncio.sleep(3600)
    assert steps.began == [0, 5]


async def test_many_wakes_before_the_step_are_one(make: Make) -> None:
    steps = Steps()
    loop = make(steps)
    for _ in range(10):
        loop.wake("shop", "a")
    await asyncio.sleep(60)
    assert len(steps.began) == 1


async def test_a_wake_during_a_step_is_not_lost_and_does_not_overlap(make: Make) -> None:
    steps = Steps(takes=4)
    loop = make(steps)
    loop.wake("shop", "a")
    await asyncio.sleep(1)
    loop.wake("shop", "a")
    loop.wake("shop", "a")
    await asyncio.sleep(3600)
    assert steps.began == [0, 4]
    assert steps.most_at_once == 1


async def test_objects_do_not_wait_for_each_other_up_to_the_width(make: Make) -> None:
    steps = Steps(takes=10)
    loop = make(steps, width=3)
    for n in range(7):
        loop.wake("shop", f"a{n}")
    await asyncio.sleep(3600)
    assert steps.most_at_once == 3
    assert steps.began == [0, 0, 0, 10, 10, 10, 20]
    assert len(set(steps.keys)) == 7


async def test_one_that_waits_for_its_delay_takes_no_slot(make: Make) -> None:
    steps = Steps([1000.0])
    loop = make(steps, width=1)
    loop.wake("shop", "a")
    await asyncio.sleep(1)
    loop.wake("shop", "b")
    await asyncio.sleep(1)
    assert steps.keys == ["shop/a", "shop/b"]


async def test_failures_are_tried_again_ever_later(make: Make) -> None:
    steps = Steps([ValueError("no")])
    make(steps, most_delay=300.0).wake("shop", "a")
    await asyncio.sleep(4000)
    waits = [b - a for a, b in zip(steps.began, steps.began[1:], strict=False)]
    for n, waited in enumerate(waits[:12], start=1):
        assert 0.8 * min(300, 2**n) <= waited <= JITTER * min(300, 2**n)


async def test_a_success_forgets_the_failures(make: Make) -> None:
    steps = Steps([ValueError("no"), ValueError("no"), 1.0, ValueError("no"), None])
    make(steps).wake("shop", "a")
    await asyncio.sleep(3600)
    waits = [b - a for a, b in zip(steps.began, steps.began[1:], strict=False)]
    assert len(waits) == 4
    assert waits[1] >= 0.8 * 4
    assert waits[3] <= JITTER * 2


async def test_it_goes_on_after_days_of_failures(make: Make) -> None:
    steps = Steps([*[ValueError("no")] * 1500, None])
    loop = make(steps, most_delay=10.0)
    loop.wake("shop", "a")
    await asyncio.sleep(1500 * 10 * JITTER)
    assert len(steps.began) == 1501
    loop.wake("shop", "a")
    await asyncio.sleep(1)
    assert len(steps.began) == 1502


async def test_who_wrote_first_is_read_again_soon_however_often(make: Make) -> None:
    steps = Steps([*[ConflictError()] * 20, None])
    make(steps, retryable=(ConflictError,)).wake("shop", "a")
    await asyncio.sleep(3600)
    waits = [b - a for a, b in zip(steps.began, steps.began[1:], strict=False)]
    assert len(waits) == 20
    assert all(0 < waited <= 1 for waited in waits)


async def test_a_wake_ends_the_back_off(make: Make) -> None:
    steps = Steps([*[ValueError("no")] * 6, None])
    loop = make(steps)
    loop.wake("shop", "a")
    await asyncio.sleep(100)
    assert len(steps.began) == 6
    loop.wake("shop", "a")
    await asyncio.sleep(1)
    assert steps.began[-1] == 100


async def test_one_that_fails_does_not_hold_up_others(make: Make) -> None:
    began: list[str] = []

    async def step(namespace: str, name: str) -> float | None:
        began.append(name)
        if name == "bad":
            raise ValueError("no")
        return 10.0

    loop = make(step, width=1)
    loop.wake("shop", "bad")
    loop.wake("shop", "good")
    await asyncio.sleep(95)
    assert began.count("good") == 10


async def test_a_step_that_hangs_is_ended_and_tried_again(make: Make) -> None:
    steps = Steps([None], takes=1e6)
    loop = make(steps, limit=60.0)
    loop.wake("shop", "a")
    await asyncio.sleep(59)
    assert steps.running == 1
    assert loop.oldest_step_seconds() == 59
    await asyncio.sleep(1.1)
    assert steps.running == 0
    assert loop.oldest_step_seconds() == 0
    steps.takes = 0
    await asyncio.sleep(10)
    assert len(steps.began) == 2


async def test_waiting_for_a_slot_does_not_count_as_hanging(make: Make) -> None:
    steps = Steps(takes=50)
    loop = make(steps, width=1, limit=60.0)
    for n in range(4):
        loop.wake("shop", f"a{n}")
    await asyncio.sleep(190)
    assert loop.oldest_step_seconds() == 40
    await asyncio.sleep(3600)
    assert steps.began == [0, 50, 100, 150]


async def test_stop_ends_what_runs_and_what_waits(make: Make) -> None:
    steps = Steps([5.0], takes=10)
    loop = make(steps, width=1)
    for name in ("a", "b", "c"):
        loop.wake("shop", name)
    await asyncio.sleep(12)
    await loop.stop()
    assert steps.running == 0
    begun = len(steps.began)
    await asyncio.sleep(3600)
    assert len(steps.began) == begun


async def test_a_step_of_an_object_that_has_ended_starts_anew(make: Make) -> None:
    """Nothing is kept of an object that rests: the next wake makes a new task."""
    before = len(asyncio.all_tasks())
    steps = Steps()
    loop = make(steps)
    for n in range(50):
        loop.wake("shop", f"a{n}")
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == before
    assert len(steps.began) == 50
