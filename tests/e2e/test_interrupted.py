"""A patched run that is deleted or cancelled in the middle leaves the template as it was."""

from __future__ import annotations

import pytest

from .lab import SLOW_ROLLOUT, deployment, jvm
from .scene import Scene, condition, phase
from .waiting import wait_for


@pytest.mark.parametrize("moment", ["Instrumenting", "Sampling"])
def test_deleting_it_in_the_middle_restores_the_template(scene: Scene, moment: str) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 17), **SLOW_ROLLOUT))
    scene.investigate("orders")
    scene.instrumented("orders")
    scene.reached(f"phase {moment}", lambda mi: phase(mi) == moment)

    scene.kubectl.run("delete", "mi", "why", "-n", scene.namespace, "--wait=false")

    wait_for("the investigation is gone", lambda: (scene.investigation() is None or None, "still there"), 120)
    scene.settled("orders", before)


def test_cancelling_it_in_the_middle_restores_the_template(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("threads", 25)))
    scene.investigate("orders")
    scene.instrumented("orders")

    scene.kubectl.run("patch", "mi", "why", "-n", scene.namespace, "--type=merge", "-p", '{"spec": {"cancel": true}}')

    mi = scene.finished()
    assert phase(mi) == "Cancelled", condition(mi, "Succeeded")
    assert condition(mi, "Restored")["status"] == "True", condition(mi, "Restored")
    assert scene.footprint("orders").same_template(before)
