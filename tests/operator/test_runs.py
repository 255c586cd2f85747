"""Whole passes of the operator over a real apiserver: with kopf, with the loop alone, and after a kill at any write."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import kopf
import pytest
from prometheus_client import REGISTRY

from offheap import analysis, handlers
from offheap.api.v1alpha1 import PLURAL, MemoryInvestigation, Status
from offheap.cluster.client import Client
from offheap.investigation import transitions as to
from offheap.investigation.conditions import condition
from offheap.investigation.instrumentation import JvmFacts, choose
from offheap.investigation.problems import Problem
from offheap.investigation.records import new_collector, pod_record
from offheap.investigation.stages import Changes
from offheap.investigation.template import Patch
from offheap.investigation.workload import Workload
from offheap.loop import Loop
from tests.operator.room import SETTINGS, Room

NOW = datetime.now(UTC).replace(microsecond=0)
TOOL = Patch(carrier="JAVA_TOOL_OPTIONS", container="app", value="-XX:NativeMemoryTracking=summary")
JDK_8 = JvmFacts(feature=8, update=402, launcher=True, options=(), variables_set=frozenset())
Tree = dict[str, Any]


async def until_finished(room: Room, inv: MemoryInvestigation) -> MemoryInvestigation:
    for _ in range(600):
        found = await room.read(inv)
        if found.is_finished:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"it does not end: {found.status}")


async def run(room: Room, inv: MemoryInvestigation) -> MemoryInvestigation:
    """The loop alone, until it rests."""
    loop = Loop(room.reconciler().step)
    loop.wake(inv.namespace, inv.name)
    (task,) = (t for t in asyncio.all_tasks() if t.get_name() == f"{inv.namespace}/{inv.name}")
    await asyncio.wait_for(task, 60)
    return await room.read(inv)


def own_writes(room: Room, inv: MemoryInvestigation) -> list[str]:
    return [w for w in room.wire.writes if w.endswith((f"/{inv.name}", f"/{inv.name}/status"))]


@pytest.mark.parametrize(("exists", "reason"), [(False, "TargetNotFound"), (True, "NoRunningPod")])
async def test_a_target_that_cannot_be_investigated_ends_it_in_three_writes(
    room: Room, exists: bool, reason: str
) -> None:
    target = (await room.deployment()).name if exists else "no-such"
    inv = await room.investigate(target)
    ended = await run(room, inv)
    assert ended.status.phase == "Failed"
    ready = condition(ended.status, "Ready")
    assert ready is not None
    assert ready.reason == reason
    assert ended.status.observed_generation == ended.generation
    assert own_writes(room, inv) == [f"PUT {room.path(PLURAL, inv.name)}/status"] * 3
    assert sorted(e["reason"] for e in await room.told(inv)) == sorted(["Pending", reason, "Failed"])
    assert "finalizers" not in ended.metadata


async def test_suspended_it_waits_without_a_write_and_goes_on_when_woken(room: Room) -> None:
    inv = await room.investigate("no-such", suspend=True)
    reconciler = room.reconciler()
    assert await reconciler.step(inv.namespace, inv.name) is None
    room.wire.writes.clear()
    assert await reconciler.step(inv.namespace, inv.name) is None
    assert room.wire.writes == []
    patch = {"spec": {"suspend": False}}
    await room.client.write("PATCH", room.path(PLURAL, inv.name), patch, content_type="application/merge-patch+json")
    ended = await run(room, inv)
    assert ended.status.observed_generation == 2


async def test_the_older_one_of_a_target_goes_first(room: Room) -> None:
    target = await room.deployment()
    first = await room.investigate(target.name)
    await room.with_status(first, begun(first, target, {"metadata": {"name": "p", "uid": "p-1"}}))
    second = await room.investigate(target.name)
    assert await room.reconciler().step(second.namespace, second.name) is not None
    queued = condition((await room.read(second)).status, "Ready")
    assert queued is not None
    assert (queued.reason, first.name in queued.message) == ("Queued", True)


async def test_kopf_wakes_the_loop_and_writes_nothing_itself(
    room: Room, group: str, monkeypatch: pytest.MonkeyPatch, kubeconfig: Any
) -> None:
    async def connect() -> Client:
        return room.client

    async def kept_open() -> None:
        """The connection is the test's."""

    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr(handlers, "GROUP", group)
    monkeypatch.setattr(Client, "connect", connect)
    monkeypatch.setattr(room.client, "close", kept_open)
    stop, ready = asyncio.Event(), asyncio.Event()
    before = await room.investigate("before-it-starts")
    operator = asyncio.create_task(
        kopf.operator(
            registry=handlers.registry(SETTINGS),
            standalone=True,
            namespaces=[room.namespace],
            stop_flag=stop,
            ready_flag=ready,
        )
    )
    try:
        await ready.wait()
        after = await room.investigate("after-it-started")
        for inv in (before, after):
            ended = await until_finished(room, inv)
            assert ended.status.phase == "Failed"
            assert ended.metadata.get("annotations", {}) == {}
            assert "finalizers" not in ended.metadata
            assert len(own_writes(room, inv)) == 3
    finally:
        stop.set()
        await operator


def begun(inv: MemoryInvestigation, target: Workload, pod: Tree) -> Status:
    """As after the first steps: the target, its pod and its JVM are known."""
    pod = {"spec": {"containers": [{"name": "app"}]}, "status": {}, **pod}
    status = to.started(to.noticed(inv, NOW), target, pod_record(pod, "app"), NOW)
    return to.collector_now(to.collector_intended(status, new_collector(inv, status, "Identify", NOW), NOW), "Done")


async def at_state(room: Room, state: str, patch: Patch, target: Workload) -> MemoryInvestigation:
    """An investigation whose operator was killed right after a write."""
    consent = {"commandLine": patch.carrier == "CommandLine"}
    inv = await room.investigate(target.name, intrusion="Restart", instrumentation=consent)
    await room.investigations.hold(inv, on=True)
    inv = await room.read(inv)
    status = begun(inv, target, {"metadata": {"name": "p", "uid": "p-1"}})
    status = to.instrumentation_intended(status, target, patch, "Baseline", NOW)
    inv = await room.with_status(inv, status)
    if state == "Intended":
        return inv
    assert await room.workloads.apply(target, patch) is None
    if state == "Intended, patched":
        return inv
    status = to.instrumentation_applied(status, NOW)
    if state.startswith("Reverting"):
        status = to.ending(status, Problem("Cancelled", "asked for."), NOW)
    inv = await room.with_status(inv, status)
    if state == "Reverting, undone":
        await room.workloads.unapply(target)
    return inv


STATES = ["Intended", "Intended, patched", "Applied", "Reverting", "Reverting, undone"]


@pytest.mark.parametrize("state", STATES)
async def test_deleting_at_any_state_puts_the_template_back_and_lets_go(room: Room, state: str) -> None:
    target = await room.deployment({"env": [{"name": "A", "value": "a"}]})
    whole = await room.as_owned(target.name)
    inv = await at_state(room, state, TOOL, target)
    await room.delete(PLURAL, inv.name)
    assert (await room.read(inv)).is_deleted
    assert await room.reconciler().step(inv.namespace, inv.name) is None
    assert await room.investigations.read(inv.namespace, inv.name) is None
    assert await room.as_owned(target.name) == whole


async def test_deleting_puts_a_command_line_back_too(room: Room) -> None:
    target = await room.deployment({"args": ["java", "-jar", "app.jar"]})
    whole = await room.as_owned(target.name)
    patch = choose(JDK_8, target, "app", Changes(options=("-XX:NativeMemoryTracking=summary",)), "Auto", consent=True)
    assert isinstance(patch, Patch)
    inv = await at_state(room, "Applied", patch, target)
    await room.delete(PLURAL, inv.name)
    assert await room.reconciler().step(inv.namespace, inv.name) is None
    assert await room.investigations.read(inv.namespace, inv.name) is None
    assert await room.as_owned(target.name) == whole


@pytest.mark.parametrize("again", [False, True])
async def test_deleting_after_the_workload_went_away_touches_no_other(room: Room, again: bool) -> None:
    target = await room.deployment()
    inv = await at_state(room, "Applied", TOOL, target)
    await room.delete("deployments", target.name)
    if again:
        env = [{"name": TOOL.carrier, "value": TOOL.value}]
        await room.deployment({"env": env}, name=target.name)
        whole = await room.as_owned(target.name)
    await room.delete(PLURAL, inv.name)
    assert await room.reconciler().step(inv.namespace, inv.name) is None
    assert await room.investigations.read(inv.namespace, inv.name) is None
    if again:
        assert await room.as_owned(target.name) == whole


@pytest.mark.parametrize("state", STATES)
async def test_cancelling_at_any_state_puts_the_template_back_and_ends(room: Room, state: str) -> None:
    target = await room.deployment()
    whole = await room.as_owned(target.name)
    inv = await at_state(room, state, TOOL, target)
    patch = {"spec": {"cancel": True}}
    await room.client.write("PATCH", room.path(PLURAL, inv.name), patch, content_type="application/merge-patch+json")
    ended = await run(room, inv)
    assert ended.status.phase == "Cancelled"
    assert ended.status.instrumentation is not None
    assert ended.status.instrumentation.state == "Reverted"
    assert ended.status.instrumentation.template_hash_after == ended.status.instrumentation.template_hash_before
    assert ended.metadata.get("finalizers", []) == []
    assert await room.as_owned(target.name) == whole


async def test_a_conflict_with_another_manager_changes_nothing_and_is_said(room: Room) -> None:
    """Somebody takes the variable between the planning and the patch."""
    target = await room.deployment()
    inv = await at_state(room, "Intended", TOOL, target)
    taken = {"env": [{"name": TOOL.carrier, "value": "-Dx=y"}]}
    await room.deployment(taken, name=target.name, manager="argocd")
    whole = await room.as_owned(target.name)
    after = await run(room, inv)
    instrumented = condition(after.status, "Instrumented")
    assert instrumented is not None
    assert instrumented.reason == "FieldConflict"
    assert "argocd" in instrumented.message
    assert after.status.instrumentation is not None
    assert after.status.instrumentation.state == "None"
    assert await room.as_owned(target.name) == whole


async def test_evidence_that_breaks_the_analysis_does_not_keep_the_target_patched(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by no sample")

    monkeypatch.setattr(analysis, "diagnose_with", broken)
    target = await room.deployment()
    whole = await room.as_owned(target.name)
    inv = await at_state(room, "Applied", TOOL, target)
    inv = await room.with_status(inv, to.analyzing(inv.status, NOW))
    failed = {"phase": "Failed", "verdict": ""}
    finished = REGISTRY.get_sample_value("offheap_investigations_finished_total", failed) or 0.0
    ended = await run(room, inv)
    ready = condition(ended.status, "Ready")
    assert ready is not None
    assert (ended.status.phase, ready.reason) == ("Failed", "AnalysisFailed")
    assert REGISTRY.get_sample_value("offheap_investigations_finished_total", failed) == finished + 1
    assert REGISTRY.get_sample_value("offheap_investigations_active") == 0
    assert "ZeroDivisionError: by no sample" in ready.message
    assert await room.as_owned(target.name) == whole
    assert ended.metadata.get("finalizers", []) == []
