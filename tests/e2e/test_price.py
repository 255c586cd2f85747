"""What the default level costs the target: the collector's memory, and how often it stops the JVM, by the JVM's own log.

How long a stop takes depends on the machine: it is measured apart (docs/guide/intrusion.md) and bounded by `budget.pause`.
"""

from __future__ import annotations

import re

import pytest

from offheap.api.quantity import parse_quantity

from .lab import CONTAINER, deployment, jvm
from .scene import Scene, condition, phase

MOST_BYTES = 16 << 20
OURS = (
    "ClassLoaderStats",
    "PrintMetadata",
    "PrintThreads",
    "JavaThreads",
    "HeapDump",
    "PrintCompileQueue",
    "FindDeadlocks",
)
"""Parts of the names of the VM operations behind diagnostic commands (vmOperation.hpp)."""


@pytest.mark.parametrize("jdk", [17, 25])
def test_attach_costs_16_mib_at_most_and_stops_the_jvm_once(scene: Scene, jdk: int) -> None:
    options = ["-Xlog:safepoint:stdout", "-XX:NativeMemoryTracking=summary"]
    scene.deploy(deployment("orders", jvm("direct", jdk, options=options)))
    scene.investigate("orders", intrusion="Attach", sampling={"interval": "3s", "duration": "30s"})

    mi = scene.finished()

    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    peaks = {
        p["name"]: parse_quantity(p["targetMemoryPeak"]) for p in mi["status"]["probes"] if "targetMemoryPeak" in p
    }
    assert {"smaps", "jvm", "nmt"} <= set(peaks)
    assert {name: peak for name, peak in peaks.items() if peak > MOST_BYTES} == {}
    (pod,) = scene.kubectl.items("pods", "-n", scene.namespace, "-l", "app=orders")
    log = scene.kubectl.run("logs", "-n", scene.namespace, pod["metadata"]["name"], "-c", CONTAINER)
    stops = re.findall(r'Safepoint "(\w+)"', log)
    assert stops, "no safepoint is in the JVM's log"
    assert len([name for name in stops if any(part in name for part in OURS)]) == 1, stops
