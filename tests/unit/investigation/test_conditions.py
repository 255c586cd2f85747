"""What kstatus, the common reader of Flux, Argo CD and kubectl wait, makes of an investigation at every moment of its life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offheap.api.v1alpha1 import MemoryInvestigation, Status, dump
from offheap.investigation.conditions import TYPES, condition, initial, with_condition
from offheap.investigation.problems import Problem
from offheap.investigation.steps import Rest, Wait
from tests.unit.investigation.world import START, World

Tree = dict[str, Any]
Verdict = Literal["Terminating", "InProgress", "Failed", "Current"]

RESTART: Tree = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
}
ATTACH: Tree = {**RESTART, "intrusion": "Attach"}


def kstatus(obj: Tree) -> Verdict:
    """sigs.k8s.io/cli-utils/pkg/kstatus/status for a resource that it does not know by name: Compute, that is
    checkGenericProperties and then checkReadyCondition."""
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = obj.get("status") or {}
    if "observedGeneration" in status and status["observedGeneration"] != obj["metadata"]["generation"]:
        return "InProgress"
    conditions = status.get("conditions") or []
    for one in conditions:
        if one["type"] == "Reconciling" and one["status"] == "True":
            return "InProgress"
        if one["type"] == "Stalled" and one["status"] == "True":
            return "Failed"
    for one in conditions:
        if one["type"] == "Ready":
            return "Current" if one["status"] == "True" else "InProgress"
    return "Current"


def seen(inv: MemoryInvestigation) -> Tree:
    return {"metadata": inv.metadata, "status": dump(inv.status)}


def advance(world: World, passes: int) -> None:
    for _ in range(passes):
        step = world.pass_once()
        if isinstance(step, Wait):
            world.now += timedelta(seconds=step.seconds)


SCENES: dict[str, tuple[Tree, Tree, str, Verdict]] = {
    "a leak": (RESTART, {}, "Succeeded", "Current"),
    "a denied collector": (ATTACH, {"denies": Problem("CollectorDenied", "no")}, "Failed", "Failed"),
    "no image": (ATTACH, {"collector_starts": False}, "Failed", "Failed"),
    "a rollout that fails": (RESTART, {"rollout_works": False}, "Failed", "Failed"),
    "cancelled": ({**RESTART, "cancel": True}, {}, "Cancelled", "Current"),
}


@pytest.mark.parametrize(("spec", "how", "phase", "expected"), SCENES.values(), ids=SCENES.keys())
def test_kstatus_sees_progress_until_the_end_and_then_how_it_ended(
    spec: Tree, how: Tree, phase: str, expected: Verdict
) -> None:
    world = World(spec, **how)
    world.pass_once()
    while not world.inv.is_finished:
        assert kstatus(seen(world.inv)) == "InProgress", world.inv.status.phase
        advance(world, 1)
    assert (world.inv.status.phase, kstatus(seen(world.inv))) == (phase, expected)


@pytest.mark.parametrize("change", [{"cancel": True}, {"suspend": True}, {"ttlAfterFinished": "720h"}])
@settings(max_examples=10)
@given(at=st.integers(0, 40))
def test_every_change_of_the_spec_is_acknowledged(change: Tree, at: int) -> None:
    world = World(dict(RESTART))
    advance(world, at)
    world.spec = {**world.spec, **change}
    world.metadata["generation"] = 2
    if world.status is not None:
        assert kstatus(seen(world.inv)) == "InProgress"
    for _ in range(400):
        step = world.pass_once()
        if isinstance(step, Wait):
            if world.inv.is_finished:
                break
            world.now += timedelta(seconds=step.seconds)
        if isinstance(step, Rest):
            break
    status = world.inv.status
    assert status.observed_generation == 2
    assert kstatus(seen(world.inv)) == ("Current" if status.finished_at else "InProgress")


def test_a_deleted_one_is_terminating() -> None:
    world = World(RESTART)
    advance(world, 8)
    world.metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert kstatus(seen(world.inv)) == "Terminating"


@settings(max_examples=10)
@given(at=st.integers(1, 40))
def test_all_conditions_are_there_once_and_in_one_order(at: int) -> None:
    world = World(RESTART)
    advance(world, at)
    assert tuple(c.type for c in world.inv.status.conditions) == TYPES
    assert all(c.observed_generation == 1 for c in world.inv.status.conditions)
    assert all(c.message or c.reason for c in world.inv.status.conditions)


states = st.tuples(st.sampled_from(["True", "False", "Unknown"]), st.sampled_from(["A", "B"]), st.text(max_size=5))


@given(changes=st.lists(states, min_size=1, max_size=8))
def test_a_condition_keeps_its_time_until_its_status_moves(changes: list[tuple[Any, str, str]]) -> None:
    status = Status(observed_generation=1, conditions=initial(1, START))
    since, last = START, "Unknown"
    for n, (value, reason, message) in enumerate(changes, start=1):
        now = START + timedelta(seconds=n)
        status = with_condition(status, "Ready", value, reason, message, now)
        since, last = (since if value == last else now), value
        found = condition(status, "Ready")
        assert found is not None
        assert (found.status, found.reason, found.message) == (value, reason, message)
        assert found.last_transition_time == since
    assert len(status.conditions) == len(TYPES)


def test_a_condition_of_another_version_is_kept() -> None:
    foreign = initial(1, START)[0].model_copy(update={"type": "Blessed"})
    status = Status(observed_generation=1, conditions=(foreign, *initial(1, START)))
    status = with_condition(status, "Ready", "True", "Done", "", START)
    assert condition(status, "Blessed") == foreign
    assert condition(status, "Unheard") is None
