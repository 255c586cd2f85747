"""A collector image that no node can pull: the run ends, says which setting to mend, and nothing stays patched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..lab import deployment, jvm
from ..operator import Operator
from ..scene import Scene, condition, phase

SETTING = "OFFHEAP_COLLECTOR_IMAGE"


@pytest.fixture
def unpullable(scene: Scene, operator: Operator) -> Iterator[None]:
    """The operator with a collector image that does not exist, and afterwards with what it had."""
    deployed = scene.kubectl.get("deployment", operator.name, operator.namespace)
    assert deployed is not None
    containers = deployed["spec"]["template"]["spec"]["containers"]
    had = [e["value"] for c in containers for e in c.get("env", []) if e["name"] == SETTING]
    _set(operator, f"{SETTING}=offheap/no-such-image:dev")
    yield
    _set(operator, f"{SETTING}={had[0]}" if had else f"{SETTING}-")


def _set(operator: Operator, assignment: str) -> None:
    operator.kubectl.run("set", "env", f"deployment/{operator.name}", assignment, "-n", operator.namespace)
    operator.await_rollout()


@pytest.mark.usefixtures("unpullable")
def test_an_image_that_cannot_be_pulled(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 17)))
    scene.investigate("orders")

    mi = scene.finished()

    stalled = condition(mi, "Stalled")
    assert phase(mi) == "Failed", stalled
    assert stalled["reason"] == "CollectorImageUnavailable", stalled
    assert SETTING in stalled["message"], stalled
    assert scene.footprint("orders") == before
