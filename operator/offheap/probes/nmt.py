"""Native memory tracking: the JVM's account of what it allocated outside the heap. No safepoint is needed for it."""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="nmt",
    level="Attach",
    what="reserved and committed bytes by category, growth since a baseline, and with detail the call sites",
    needs=("HotSpot started with -XX:NativeMemoryTracking", "all that the jvm probe needs"),
    memory_bytes=2 << 20,
    pause_seconds=0.0,
    yields=("baseline", "summary", "summary.diff", "detail.diff"),
)
