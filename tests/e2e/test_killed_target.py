"""The target is killed in the middle of its samples: what was taken is kept, and what is missing is said."""

from __future__ import annotations

import pytest

from .artifacts import artifacts
from .kubectl import Json
from .lab import deployment, jvm
from .operator import Operator
from .scene import Scene, condition, phase
from .waiting import wait_for

ENDS_WITH_IT = '"$@" & wait'
OUTLIVES_IT = '"$@" & wait; sleep 600'
KILL = 'for p in /proc/[0-9]*; do if [ "$(cat "$p/comm")" = java ]; then kill -9 "${p#/proc/}"; fi; done'


@pytest.mark.parametrize("script", [ENDS_WITH_IT, OUTLIVES_IT], ids=["with its container", "alone"])
def test_the_evidence_so_far_is_kept_and_the_gap_is_stated(scene: Scene, operator: Operator, script: str) -> None:
    """A JVM that is the container's first process takes no SIGKILL from inside, so a shell is the first here. When that ends,
    the kernel kills the collector with it, for it is in the same PID namespace."""
    scene.deploy(deployment("orders", _below_a_shell(jvm("inflater", 17), script)))
    scene.investigate("orders", intrusion="Attach", sampling={"interval": "3s", "duration": "3m"})
    _await_samples(scene)

    pod = scene.kubectl.items("pods", "-n", scene.namespace, "-l", "app=orders")[0]["metadata"]["name"]
    scene.kubectl.run("exec", "-n", scene.namespace, pod, "-c", "app", "--", "sh", "-c", KILL)

    mi = scene.finished()
    assert phase(mi) in ("Inconclusive", "Failed", "Succeeded"), mi["status"]
    kept = artifacts(operator, mi)
    assert kept.text("smaps/smaps@").count("Rss:") > 10
    assert '"probe":"smaps"' in kept.text("collector-sample-").replace(": ", ":")
    (stream,) = [one for one in kept.manifest["streams"] if one["step"].lower() == "sample"]
    assert stream["samples"] >= 3, stream
    assert stream["outcome"] != "Completed", stream
    assert "died" in stream["statement"] or "TargetGone" in stream["statement"], stream
    told = condition(mi, "EvidenceCollected")
    assert told["reason"] in ("TargetGone", "CollectorFailed"), told
    assert "samples" in told["message"], told


def _below_a_shell(container: Json, script: str) -> Json:
    return container | {"command": ["sh", "-c", script, "sh", "java"]}


def _await_samples(scene: Scene) -> None:
    """Until the sampler has written its third sample."""

    def look() -> tuple[bool | None, str]:
        mi = scene.investigation() or {}
        samplers = [c for c in mi.get("status", {}).get("collectors", []) if c["step"] == "Sample"]
        if not samplers or samplers[0]["state"] != "Running":
            return None, f"phase {phase(mi)}"
        words = ("logs", "-n", scene.namespace, samplers[0]["pod"], "-c", samplers[0]["name"])
        log = scene.kubectl.run(*words)
        return ('"sample":3' in log.replace(": ", ":") or None), log[-300:]

    wait_for("three samples are taken", look, 300)
