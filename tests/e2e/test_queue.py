"""Two investigations of one target: the second waits, says for what, and runs afterwards."""

from __future__ import annotations

from .lab import deployment, jvm
from .scene import Scene, condition, phase

QUICK = {"interval": "5s", "duration": "30s"}


def test_a_second_investigation_of_the_target_waits_and_then_runs(scene: Scene) -> None:
    scene.deploy(deployment("orders", jvm("direct", 21, options=["-XX:NativeMemoryTracking=summary"])))
    scene.investigate("orders", name="first", intrusion="Attach", sampling=QUICK)
    scene.reached("first begins", lambda mi: phase(mi) not in ("", "Pending"), "first")
    scene.investigate("orders", name="second", intrusion="Attach", sampling=QUICK)

    queued = scene.reached("second is queued", lambda mi: condition(mi, "Ready").get("reason") == "Queued", "second")
    assert phase(queued) == "Pending"
    assert "first" in condition(queued, "Ready")["message"], condition(queued, "Ready")

    first, second = scene.finished("first"), scene.finished("second")
    for mi in (first, second):
        assert phase(mi) in ("Succeeded", "Inconclusive"), condition(mi, "Succeeded")
    assert second["status"]["startedAt"] >= first["status"]["finishedAt"]
