"""The promise, on real leaks: one resource in, the right verdict out, and the Deployment is afterwards as it was."""

from __future__ import annotations

import pytest

from offheap.api.quantity import parse_quantity

from .kubectl import Json
from .lab import deployment, jvm, program
from .scene import Scene, condition, phase

USER_OF_THE_IMAGE = 10001


@pytest.mark.parametrize("jdk", [11, 17, 21, 25])
@pytest.mark.parametrize("kind", ["direct", "threads", "classloaders"])
def test_a_leak_gets_its_verdict_and_the_deployment_is_as_it_was(scene: Scene, kind: str, jdk: int) -> None:
    """With the user known from the template on one JDK, and to be found out by a look on the others."""
    before = scene.deploy(deployment("orders", jvm(kind, jdk), run_as_user=USER_OF_THE_IMAGE if jdk == 21 else None))
    scene.investigate("orders")

    mi = scene.finished()

    assert_told_well(scene, mi, kind)
    verdict = mi["status"]["verdict"]
    rate = program(kind).mib_per_minute * 60 * 2**20
    assert 0.3 * rate < parse_quantity(verdict["growthPerHour"]) < 3 * rate, verdict
    assert verdict["recommendation"], verdict
    after = scene.footprint("orders")
    assert after.same_template(before)
    assert after.generation == before.generation + 2, "one patch and one undoing"
    record = mi["status"]["instrumentation"]
    assert record["state"] == "Reverted", record
    assert record["templateHashBefore"] == record["templateHashAfter"], record


@pytest.mark.parametrize("jdk", [17, 25])
def test_a_healthy_jvm_gets_no_leak(scene: Scene, jdk: int) -> None:
    before = scene.deploy(deployment("orders", jvm("healthy", jdk)))
    scene.investigate("orders")

    mi = scene.finished()

    assert_told_well(scene, mi, "healthy")
    assert scene.footprint("orders").same_template(before)


def test_nmt_that_is_already_on_is_used_without_a_restart(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 17, options=["-XX:NativeMemoryTracking=summary"])))
    scene.investigate("orders", intrusion="Attach")

    mi = scene.finished()

    assert_told_well(scene, mi, "direct")
    assert condition(mi, "Instrumented")["status"] == "True", condition(mi, "Instrumented")
    assert "instrumentation" not in mi["status"]
    assert scene.footprint("orders") == before


def assert_told_well(scene: Scene, mi: Json, kind: str) -> None:
    """The end of a good run: verdict, balance, conditions, and a row in which a person reads the story."""
    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    status, verdict = mi["status"], mi["status"]["verdict"]
    assert verdict["kind"] in program(kind).verdicts, verdict
    rows = status["balance"]["rows"]
    assert rows[-1]["name"] == "unexplained", rows
    assert abs(sum(r["bytes"] for r in rows) - parse_quantity(status["balance"]["usage"])) < 2**20, status["balance"]
    for kind_of_condition in ("Accepted", "TargetResolved", "EvidenceCollected", "Restored", "Succeeded", "Ready"):
        assert condition(mi, kind_of_condition)["status"] == "True", condition(mi, kind_of_condition)
    row = scene.row()
    told = {column: row[column] for column in ("TARGET", "PHASE", "VERDICT", "CONFIDENCE", "RESTORED")}
    assert told == {
        "TARGET": "orders",
        "PHASE": "Succeeded",
        "VERDICT": verdict["kind"],
        "CONFIDENCE": verdict["confidence"],
        "RESTORED": "True",
    }
