"""What the JVM says of its own parts.

VM.metaspace and VM.classloader_stats need a safepoint; the pause known is the time jattach takes in all, an upper bound.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="jvm",
    level="Attach",
    what="heap, metaspace, class loaders, flags, and threads by the stem of their names",
    needs=("HotSpot", "the target's user and group", "a writable /tmp in the target, or a JVM that listens already"),
    memory_bytes=2 << 20,
    pause_seconds=0.005,
    yields=("version", "flags", "command_line", "threads", "heap_info", "metaspace", "classloader_stats"),
)
