"""What the operator remembers of a collector's log: each line once, and no more than a collector may say."""

from __future__ import annotations

from typing import Any

import pytest

from offheap import harvest
from offheap.api.v1alpha1 import CollectorStatus
from offheap.harvest import Harvest
from tests.unit.investigation.world import World

INV = World({"target": {"kind": "Deployment", "name": "orders"}}).inv
COLLECTOR = CollectorStatus(name="c", step="Sample", pod="p", pod_uid="u", container="app", state="Running")


class Pods:
    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def log(self, *of: Any) -> str:
        return self.answers.pop(0)


async def read(*answers: str) -> tuple[str, ...]:
    pods: Any = Pods(*answers)
    kept = Harvest(pods)
    for _ in answers:
        await kept.follow(INV, COLLECTOR)
    return kept.lines(INV, COLLECTOR)


async def test_a_line_that_comes_twice_is_kept_once_and_one_that_is_not_whole_is_waited_for() -> None:
    assert await read("one\ntw", "one\ntwo\n") == ("one", "two")


async def test_whoever_writes_into_a_collectors_log_does_not_fill_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "MOST_BYTES", 1000)
    noise = [f"{n:0100}\n" for n in range(40)]
    assert sum(map(len, await read("first\n", *noise, "last\n"))) <= 1000


async def test_a_record_of_no_possible_time_holds_nothing_up() -> None:
    line = '{"seq":0,"type":"evidence","at":1e300,"probe":"smaps","name":"smaps","data":"x"}'
    assert await read(f"{line}\n", "next\n") == (line, "next")
