"""Whatever does not end by itself is ended, and the workload put back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from offheap.investigation.conditions import condition
from offheap.investigation.steps import Analyze
from tests.unit.investigation.world import World

RESTART: dict[str, Any] = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
    "deadline": "1h",
}


def until(world: World, phase: str) -> None:
    while world.inv.status.phase != phase:
        world.advance()


@pytest.mark.parametrize("phase", ["Preparing", "Observing", "Instrumenting", "Sampling", "Analyzing"])
def test_the_deadline_ends_every_phase(phase: str) -> None:
    world = World(RESTART)
    until(world, phase)
    world.now += timedelta(hours=1, minutes=11)
    world.collectors.clear()
    inv = world.run()
    assert inv.status.phase == "Failed"
    ready = condition(inv.status, "Ready")
    assert ready is not None
    assert ready.reason == "DeadlineExceeded"
    assert world.template == world.original
    assert world.metadata.get("finalizers", []) == []


def test_what_was_collected_is_weighed_though_the_deadline_is_over() -> None:
    world = World(RESTART)
    until(world, "Analyzing")
    world.now += timedelta(hours=1, minutes=5)
    assert isinstance(world.pass_once(), Analyze)
    assert world.run().status.phase == "Succeeded"
