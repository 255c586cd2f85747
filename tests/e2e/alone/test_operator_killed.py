"""The operator's pod is killed in the middle of a patched run: the next one takes over, and the run ends well."""

from __future__ import annotations

import pytest

from ..lab import SLOW_ROLLOUT, deployment, jvm, program
from ..operator import Operator
from ..scene import Scene, condition, phase


@pytest.mark.parametrize("moment", ["Instrumenting", "Sampling"])
def test_a_killed_operator_goes_on_where_it_was(scene: Scene, operator: Operator, moment: str) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 17), **SLOW_ROLLOUT))
    scene.investigate("orders")
    scene.instrumented("orders")
    scene.reached(f"phase {moment}", lambda mi: phase(mi) == moment)

    killed = [pod["metadata"]["name"] for pod in operator.pods()]
    scene.kubectl.run("delete", "pod", *killed, "-n", operator.namespace, "--force", "--grace-period=0")

    mi = scene.finished()
    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    assert mi["status"]["verdict"]["kind"] in program("direct").verdicts, mi["status"]["verdict"]
    assert condition(mi, "Restored")["status"] == "True", condition(mi, "Restored")
    after = scene.footprint("orders")
    assert after.same_template(before)
    assert after.generation == before.generation + 2, "it was patched once and put back once"
