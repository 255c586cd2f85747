"""What each transition says, and what of it becomes an Event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.v1alpha1 import CollectorStatus, InstrumentationStatus, Status, VerdictStatus, dump
from offheap.investigation import transitions as to
from offheap.investigation.conditions import condition, initial
from offheap.investigation.problems import Problem
from offheap.investigation.steps import Rest, Wait
from tests.unit.investigation.world import START, World

Tree = dict[str, Any]
RESTART: Tree = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
}
SAMPLER = CollectorStatus(
    name="offheap-sample-1", step="Sample", pod="p", pod_uid="p-1", container="app", state="Running", started_at=START
)


def sampling(**changes: Any) -> Status:
    status = Status(observed_generation=1, phase="Sampling", conditions=initial(1, START), collectors=(SAMPLER,))
    return status.model_copy(update=changes)


def told(world: World) -> list[str]:
    """Reasons of the Events of a whole run."""
    reasons = []
    for _ in range(400):
        before = world.inv.status
        step = world.pass_once()
        found = to.news(before, world.inv.status)
        if found is not None:
            reasons.append(found.reason)
            assert found.note
            assert found.warning == (world.inv.status.phase == "Failed")
        if isinstance(step, Wait):
            world.now += timedelta(seconds=step.seconds)
        if isinstance(step, Rest):
            return reasons
    raise AssertionError(reasons)


def test_a_run_is_told_once_from_start_to_end() -> None:
    assert told(World(RESTART)) == [
        "Pending",
        "Preparing",
        "Observing",
        "Instrumenting",
        "RollingOut",
        "Sampling",
        "Analyzing",
        "Restoring",
        "Succeeded",
    ]


def test_an_end_in_failure_is_a_warning_that_says_why() -> None:
    world = World(RESTART, denies=Problem("CollectorDenied", "the policy says no."))
    assert told(world)[-1] == "Failed"
    before = sampling()
    after = to.ending(before, Problem("CollectorDenied", "the policy says no."), START)
    news = to.news(before, after)
    assert news is not None
    assert (news.reason, news.warning) == ("Failed", True)
    assert news.note == "CollectorDenied: the policy says no."


def test_what_only_moves_inside_is_not_told() -> None:
    before = sampling()
    assert to.news(before, before) is None
    assert to.news(before, to.collector_now(before, "Done", "Completed")) is None
    assert to.news(Status(), Status()) is None
    acknowledged = to.spec_seen(before, 2)
    assert acknowledged.observed_generation == 2
    assert to.news(before, acknowledged) is None


@given(reason=st.text(max_size=200), message=st.text(max_size=3000))
def test_whatever_a_collector_says_is_fit_for_the_status(reason: str, message: str) -> None:
    status = to.collector_now(sampling(), "Failed", reason, message)
    status = to.ending(status, Problem(reason, message), START)
    assert Status.model_validate(dump(status)) == status
    assert dump(status)["collectors"][0]["reason"]
    assert len(status.collectors[-1].message or "") <= 2048


@pytest.mark.parametrize(
    ("verdict", "outcome", "expected"),
    [
        ("NativeMalloc", "NativeMalloc", "Succeeded"),
        ("NoLeak", "NoLeak", "Succeeded"),
        ("Inconclusive", "Inconclusive", "Inconclusive"),
        (None, "CollectorDenied", "Failed"),
        (None, "Cancelled", "Cancelled"),
        ("NoLeak", "Cancelled", "Cancelled"),
    ],
)
def test_the_final_phase_follows_from_verdict_and_outcome(verdict: Any, outcome: str, expected: str) -> None:
    found = None if verdict is None else VerdictStatus(kind=verdict, confidence="High")
    status = to.ending(sampling(verdict=found), Problem(outcome, "so it was."), START)
    assert status.phase == expected
    assert status.finished_at == START
    ready = condition(status, "Ready")
    assert ready is not None
    assert ready.status == ("False" if expected == "Failed" else "True")


@pytest.mark.parametrize("state", ["Intended", "Applied", "Reverting"])
def test_with_something_to_put_back_the_end_comes_later(state: Any) -> None:
    record = InstrumentationStatus(state=state, carrier="JAVA_TOOL_OPTIONS", container="app", value="-X", at=START)
    later = START + timedelta(minutes=1)
    status = to.ending(sampling(instrumentation=record), Problem("Cancelled", "asked for."), later)
    assert status.phase == "Restoring"
    assert status.finished_at is None
    assert status.instrumentation is not None
    assert (status.instrumentation.state, status.instrumentation.at) == ("Reverting", later)
    done = to.restored(status, None, "", later)
    assert done.phase == "Cancelled"
    restored = condition(done, "Restored")
    assert restored is not None
    assert (restored.status, restored.reason) == ("True", "TargetGone")


@pytest.mark.parametrize("state", ["None", "Reverted", None])
def test_with_nothing_to_put_back_it_ends_at_once(state: Any) -> None:
    record = None if state is None else InstrumentationStatus(state=state)
    status = to.ending(sampling(instrumentation=record), Problem("Cancelled", "asked for."), START)
    assert status.phase == "Cancelled"
    restored = condition(status, "Restored")
    assert restored is not None
    assert (restored.status, restored.reason) == ("True", "NothingChanged")


def test_blocked_restoring_goes_on_and_says_so_once() -> None:
    record = InstrumentationStatus(state="Reverting", carrier="JAVA_TOOL_OPTIONS", container="app", value="-X")
    before = sampling(phase="Restoring", instrumentation=record)
    problem = Problem("RestoreBlocked", "a webhook says no.")
    after = to.restore_blocked(before, problem, START)
    assert after.phase == "Restoring"
    assert after.finished_at is None
    news = to.news(before, after)
    assert news is not None
    assert news.reason == "RestoreBlocked"
    assert to.restore_blocked(after, problem, START + timedelta(minutes=1)) == after


@pytest.mark.parametrize(
    ("samples", "gaps", "status", "reason", "part"),
    [
        (0, (), "False", "NoSamples", "status.probes"),
        (41, (), "True", "Completed", "41 samples"),
        (41, ((3, 5), (9, 9)), "True", "WithGaps", "4 records"),
    ],
)
def test_how_much_evidence_there_is(
    samples: int, gaps: tuple[tuple[int, int], ...], status: str, reason: str, part: str
) -> None:
    found = condition(to.probes_seen(sampling(), (), gaps, samples, START), "EvidenceCollected")
    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert part in found.message
