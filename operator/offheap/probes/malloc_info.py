"""What malloc holds, what of it is free, and what of it comes back when it is asked to.

`pause_seconds`: GC.run collects the whole heap, 19 to 136 ms for 300 MiB of live objects; System.trim_native_heap stops no
thread, but one that allocates natively waits while its arena is trimmed, 2 to 20 ms. Reading alone: 1 ms and less.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="malloc-info",
    level="Attach",
    what="malloc's arenas, what they hold and what is free in them; when asked for, what a full collection (gc) and a trim of "
    "malloc's free memory (trim) give back",
    needs=(
        "glibc's malloc in use",
        "all that the jvm probe needs",
        "JDK 21 to read it; for trim 11.0.24, 17.0.15 or 21; gc works on all",
    ),
    memory_bytes=0,
    pause_seconds=0.1,
    yields=("info", "gc", "trim"),
)
