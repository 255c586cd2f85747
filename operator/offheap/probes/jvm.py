"""What the JVM says of its own parts.

VM.classloader_stats needs a safepoint, so it is asked once: 0.7 to 3.4 ms with 400 threads and 200 loaders. Nothing else
here stops the JVM.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="jvm",
    level="Attach",
    what="heap, metaspace, class loaders, code cache, flags, and threads by the stem of their names; with JDK 21 its own "
    "words for each mapping, with 22 the memory of single compilations",
    needs=("HotSpot", "the target's user and group", "a writable /tmp in the target, or a JVM that listens already"),
    memory_bytes=2 << 20,
    pause_seconds=0.005,
    yields=(
        "version",
        "flags",
        "command_line",
        "threads",
        "heap_info",
        "metaspace",
        "codecache",
        "classloader_stats",
        "compiler_memory",
        "system_map",
    ),
)
