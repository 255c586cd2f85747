"""The kernel's account of the target's container."""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="cgroup",
    level="Observe",
    what="usage, limit, and what the usage is made of, as the kernel charges it",
    needs=("the target's user and group",),
    memory_bytes=256 << 10,
    pause_seconds=0.0,
    yields=("memory",),
)
