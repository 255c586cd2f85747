"""zlib never ended: a leak that no counter of the JVM sees, named by the Java method that makes it, without a restart."""

from __future__ import annotations

import pytest

from .artifacts import artifacts
from .kubectl import Json
from .lab import deployment, jvm, program
from .operator import Operator
from .scene import Scene, condition, phase


@pytest.mark.parametrize(("kind", "jdk"), [("deflater", 8), ("inflater", 17), ("deflater", 21), ("inflater", 25)])
def test_the_java_method_is_named_without_a_restart(scene: Scene, operator: Operator, kind: str, jdk: int) -> None:
    before = scene.deploy(deployment("orders", jvm(kind, jdk)))
    scene.investigate("orders", intrusion="Profile")

    mi = scene.finished()

    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    verdict = mi["status"]["verdict"]
    assert verdict["kind"] in program(kind).verdicts, verdict
    assert program(kind).owner in verdict["owner"], verdict
    assert scene.footprint("orders") == before, "the Deployment was touched"
    assert [_restarts(pod) for pod in scene.kubectl.items("pods", "-n", scene.namespace, "-l", "app=orders")] == [0]
    assert artifacts(operator, mi).of_kind("jfr"), "the profile itself is kept"


def test_jemalloc_names_the_native_frame_and_the_java_owner(scene: Scene, operator: Operator) -> None:
    before = scene.deploy(deployment("orders", jvm("deflater", 17)))
    scene.investigate(
        "orders",
        intrusion="Restart",
        sampling={"interval": "5s", "duration": "45s"},
        instrumentation={"allocator": "Jemalloc", "jemalloc": {"lgProfInterval": 22, "lgProfSample": 14}},
    )

    mi = scene.finished()

    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    told = " ".join(f"{f['message']} {f.get('recommendation', '')}" for f in mi["status"]["findings"])
    told += str(mi["status"]["verdict"])
    assert "deflateInit2_" in told, told
    assert "java.util.zip.Deflater" in told, told
    kept = artifacts(operator, mi)
    assert len(kept.of_kind("jemalloc-heap")) >= 2, kept.names
    for kind in ("pprof", "collapsed", "svg"):
        assert kept.of_kind(kind), kept.names
    assert scene.footprint("orders").same_template(before)


def _restarts(pod: Json) -> int:
    return sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
