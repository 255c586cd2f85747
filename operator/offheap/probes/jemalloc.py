"""Heap profiles that jemalloc writes, in a JVM that was started with it.

Nothing is stopped: the files are read where the allocator puts them. What costs is the allocator itself, in the stage that has it.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="jemalloc",
    level="Restart",
    what="which native call stacks hold malloc'ed memory, and how that grew",
    needs=(
        "instrumentation.allocator: Jemalloc, which starts the JVM with it",
        "glibc 2.29 or later in the target's image",
    ),
    memory_bytes=4 << 20,
    pause_seconds=0.0,
    yields=("profile", "symbols"),
)
