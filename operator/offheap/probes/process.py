"""The target's process: who it is, and what /proc tells everybody of it."""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="process",
    level="Observe",
    what="which process is the JVM, its version, options, collector, C library and allocator; its status and open files; the "
    "other processes of its cgroup",
    needs=("the target's user and group, to see more than any user may",),
    memory_bytes=256 << 10,
    pause_seconds=0.0,
    yields=("processes", "identity", "status", "others", "fds"),
)
