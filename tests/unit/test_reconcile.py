"""What one pass does when the cluster does not answer: the end and the way back need no more than the workload."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from offheap import reconcile
from offheap.api.v1alpha1 import MemoryInvestigation, Status
from offheap.artifacts.location import locate
from offheap.artifacts.store import Kept, Store, open_store
from offheap.investigation.workload import Workload
from offheap.reconcile import Reconciler
from offheap.settings import Settings
from tests.unit.investigation.world import World

RESTART: dict[str, Any] = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
    "deadline": "1h",
}


class Cluster:
    """The world behind the calls of the reconciler; the node of the pods does not answer."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def list(self, namespace: str) -> tuple[MemoryInvestigation, ...]:
        return (self.world.inv,)

    async def save(self, inv: MemoryInvestigation, status: Status) -> None:
        self.world.status = status.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def hold(self, inv: MemoryInvestigation, *, on: bool) -> None:
        assert not on
        self.world.metadata["finalizers"] = []

    async def post(self, inv: MemoryInvestigation, **told: Any) -> None:
        assert told["reason"]

    async def of(self, target: Workload) -> tuple[Any, ...]:
        return self.world.observed().pods

    async def log(self, *of: Any) -> str:
        raise ApiException(status=500, reason="dial tcp 10.0.0.7:10250: connect: no route to host")

    async def unapply(self, target: Workload) -> None:
        self.world._take_away()
        self.world.owned = False


class TheInvestigation(Cluster):
    async def read(self, *of: Any) -> MemoryInvestigation:
        return self.world.inv


class TheWorkload(Cluster):
    async def read(self, *of: Any) -> Workload | None:
        return self.world.observed().workload


class ThePod(Cluster):
    async def read(self, *of: Any) -> Any:
        return self.world.observed().pod


class NoPods(ThePod):
    async def of(self, target: Workload) -> tuple[Any, ...]:
        raise ApiException(status=403, reason="pods is forbidden")


def sampled(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which the patched workload is being sampled, and the operator has just been started anew."""
    world = World(dict(RESTART))
    while world.inv.status.phase != "Sampling":
        world.advance()
    world.pass_once()
    assert world.template != world.original

    def now() -> datetime:
        return world.now

    monkeypatch.setattr(reconcile, "_now", now)
    return world


def reconciler(world: World, pods: type[Cluster] = ThePod) -> Reconciler:
    rooms: Any = TheInvestigation(world), TheWorkload(world), pods(world), Cluster(world)
    return Reconciler(*rooms, open_store("memory:///"), Settings())


@pytest.mark.parametrize("pods", [ThePod, NoPods])
async def test_a_node_that_does_not_answer_keeps_nothing_patched_beyond_the_deadline(
    monkeypatch: pytest.MonkeyPatch, pods: type[Cluster]
) -> None:
    world = sampled(monkeypatch)
    with pytest.raises(ApiException):
        await reconciler(world, pods).step("shop", "mi")
    assert world.inv.status.phase == "Sampling"
    world.now += timedelta(hours=1, minutes=11)
    await reconciler(world, pods).step("shop", "mi")
    assert world.template == world.original
    assert world.inv.status.phase == "Failed"
    assert world.inv.status.outcome is not None
    assert world.inv.status.outcome.reason == "DeadlineExceeded"
    assert world.metadata["finalizers"] == []


async def test_cancelling_asks_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sampled(monkeypatch)
    world.spec["cancel"] = True
    await reconciler(world).step("shop", "mi")
    assert world.template == world.original
    assert world.inv.status.phase == "Cancelled"


class Talkative(ThePod):
    """The node answers, and has one record of each collector."""

    async def log(self, *of: Any) -> str:
        return (
            '{"seq":0,"type":"evidence","at":1,"elapsed":0,"probe":"process","name":"status","sample":0,"data":"x"}\n'
        )


class Hanging(Store):
    """Takes no answer for one: a mount whose server is gone."""

    async def save(self, *of: Any, **more: Any) -> Kept:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_store_that_hangs_keeps_nothing_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sampled(monkeypatch)
    monkeypatch.setattr(reconcile, "KEEP_SECONDS", 0.01)
    rooms: Any = TheInvestigation(world), TheWorkload(world), Talkative(world), Cluster(world)
    world.now += timedelta(hours=1, minutes=1)
    await Reconciler(*rooms, Hanging(locate("memory:///")), Settings()).step("shop", "mi")
    assert world.template == world.original
    assert world.inv.status.verdict is not None
    assert any(one.reason == "ArtifactStoreSlow" for one in world.inv.status.conditions)
    assert world.metadata["finalizers"] == []
