"""The investigation itself: its status, its finalizer, its Events, its end of life."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.aio.client.exceptions import ApiException, ConflictException

from offheap.api.v1alpha1 import PLURAL, Condition, MemoryInvestigation, Outcome, Status
from offheap.investigation import transitions as to
from offheap.investigation.conditions import condition
from offheap.investigation.observed import FINALIZER
from offheap.investigation.problems import Problem
from offheap.loop import Loop
from tests.operator.room import Room

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


async def test_what_is_saved_is_read_back(room: Room) -> None:
    inv = await room.investigate("orders")
    assert inv.status == Status()
    status = to.noticed(inv, NOON)
    after = await room.with_status(inv, status)
    assert after.status == status
    assert after.generation == inv.generation


async def test_a_status_from_before_the_last_write_is_refused(room: Room) -> None:
    inv = await room.investigate("orders")
    await room.investigations.save(inv, to.noticed(inv, NOON))
    with pytest.raises(ConflictException):
        await room.investigations.save(inv, to.noticed(inv, NOON + timedelta(seconds=1)))


async def test_the_status_of_one_that_was_created_anew_is_refused(room: Room) -> None:
    inv = await room.investigate("orders")
    await room.delete(PLURAL, inv.name)
    body = {
        "apiVersion": inv.api_version,
        "kind": inv.kind,
        "metadata": {"name": inv.name, "namespace": inv.namespace},
        "spec": {"target": {"kind": "Pod", "name": "p"}},
    }
    await room.client.write("POST", room.path(PLURAL), body)
    with pytest.raises(ConflictException):
        await room.investigations.save(inv, to.noticed(inv, NOON))


async def test_a_value_that_the_schema_refuses_is_an_error_and_changes_nothing(room: Room) -> None:
    inv = await room.investigate("orders")
    bad = Status(phase="Pending").model_copy(update={"outcome": Outcome.model_construct(reason="it is bad")})
    with pytest.raises(ApiException) as refused:
        await room.investigations.save(inv, bad)
    assert refused.value.status == 422
    assert (await room.read(inv)).status == Status()


async def test_a_field_that_the_schema_does_not_know_is_an_error_and_not_a_loss(room: Room) -> None:
    class Later(Status):
        weather: str | None = None

    inv = await room.investigate("orders")
    with pytest.raises(ApiException) as refused:
        await room.investigations.save(inv, Later(phase="Pending", weather="rain"))
    assert refused.value.status == 400
    assert (await room.read(inv)).status == Status()


async def test_the_finalizer_comes_and_goes_and_leaves_others(room: Room) -> None:
    inv = await room.investigate("orders")
    foreign = "example.com/keep"
    patch = {"metadata": {"finalizers": [foreign]}}
    await room.client.write("PATCH", room.path(PLURAL, inv.name), patch, content_type="application/merge-patch+json")
    with pytest.raises(ConflictException):
        await room.investigations.hold(inv, on=True)
    inv = await room.read(inv)
    await room.investigations.hold(inv, on=True)
    inv = await room.read(inv)
    assert sorted(inv.metadata["finalizers"]) == sorted([foreign, FINALIZER])
    await room.investigations.hold(inv, on=True)
    inv = await room.read(inv)
    await room.investigations.hold(inv, on=False)
    inv = await room.read(inv)
    assert inv.metadata["finalizers"] == [foreign]
    patch = {"metadata": {"finalizers": []}}
    await room.client.write("PATCH", room.path(PLURAL, inv.name), patch, content_type="application/merge-patch+json")


async def test_an_object_that_is_gone_is_none_and_needs_no_step(room: Room) -> None:
    assert await room.investigations.read(room.namespace, "no-such") is None
    assert await room.reconciler().step(room.namespace, "no-such") is None
    assert room.wire.writes == []


async def test_an_event_is_posted_once_however_often_it_is_said(room: Room) -> None:
    inv = await room.investigate("orders")
    for _ in range(2):
        await room.events.post(inv, reason="Sampling", note="taking samples.", warning=False)
    await room.events.post(inv, reason="Failed", note="x" * 5000, warning=True)
    said = {e["reason"]: e for e in await room.told(inv)}
    assert len(await room.told(inv)) == 2
    assert (said["Sampling"]["type"], said["Failed"]["type"]) == ("Normal", "Warning")
    assert len(said["Failed"]["note"]) == 1024


def finished(inv: MemoryInvestigation, at: datetime) -> Status:
    return to.ending(to.noticed(inv, at), Problem("NoRunningPod", "no pod."), at)


async def test_one_that_finished_long_ago_is_deleted(room: Room) -> None:
    inv = await room.investigate("orders", ttlAfterFinished="1s")
    inv = await room.with_status(inv, finished(inv, NOON))
    assert await room.reconciler().step(inv.namespace, inv.name) is None
    assert await room.investigations.read(inv.namespace, inv.name) is None


async def test_one_that_has_time_to_live_is_kept_until_then(room: Room) -> None:
    inv = await room.investigate("orders", ttlAfterFinished="1h")
    inv = await room.with_status(inv, finished(inv, datetime.now(UTC)))
    room.wire.writes.clear()
    left = await room.reconciler().step(inv.namespace, inv.name)
    assert left is not None
    assert 3500 < left <= 3600
    assert room.wire.writes == []


async def test_one_that_changed_meanwhile_is_not_deleted(room: Room) -> None:
    read = await room.investigate("orders", ttlAfterFinished="1s")
    await room.with_status(read, finished(read, NOON))
    with pytest.raises(ConflictException):
        await room.investigations.delete(read)
    await room.read(read)


async def test_finished_ones_cost_nothing_when_the_operator_starts(room: Room) -> None:
    made = []
    for n in range(4):
        inv = await room.investigate(f"orders-{n}")
        made.append(await room.with_status(inv, finished(inv, NOON)))
    room.wire.writes.clear()
    loop = Loop(room.reconciler().step)
    for inv in made:
        loop.wake(inv.namespace, inv.name)
    names = {f"{inv.namespace}/{inv.name}" for inv in made}
    tasks = [task for task in asyncio.all_tasks() if task.get_name() in names]
    assert len(tasks) == len(made)
    await asyncio.gather(*tasks)
    assert room.wire.writes == []
    assert [(await room.read(inv)).metadata["resourceVersion"] for inv in made] == [
        inv.metadata["resourceVersion"] for inv in made
    ]


async def test_a_finished_one_acknowledges_a_change_of_its_spec_once(room: Room) -> None:
    inv = await room.investigate("orders")
    inv = await room.with_status(inv, finished(inv, NOON))
    patch = {"spec": {"ttlAfterFinished": "8760h"}}
    await room.client.write("PATCH", room.path(PLURAL, inv.name), patch, content_type="application/merge-patch+json")
    room.wire.writes.clear()
    for _ in range(2):
        await room.reconciler().step(inv.namespace, inv.name)
    assert len(room.wire.writes) == 1
    after = await room.read(inv)
    assert after.status.observed_generation == after.generation == 2
    assert after.status.phase == "Failed"


async def test_times_of_conditions_survive_the_way_there_and_back(room: Room) -> None:
    inv = await room.investigate("orders")
    odd = datetime(2026, 5, 1, 12, 0, 0, 999999, tzinfo=UTC)
    ready = Condition(type="Ready", status="True", reason="Done", last_transition_time=odd)
    status = Status(observed_generation=1, phase="Pending", conditions=(ready,))
    after = await room.with_status(inv, status)
    assert after.status == status
    found = condition(after.status, "Ready")
    assert found is not None
    assert found.last_transition_time == NOON
