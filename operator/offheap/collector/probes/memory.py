"""What the growing anonymous memory holds, read from /proc/PID/mem while the target runs.

The same answer as a debugger's dump, without the stop: a few 256 KiB pieces of each region, summed up at once.
"""

from __future__ import annotations

import time

from offheap.collector.growing import Region, growing, remember
from offheap.collector.plan import Plan
from offheap.collector.resident import TargetMemory
from offheap.collector.visit import FIRST, LAST, Take, Taken, Visit

READ_BYTES = 32 << 20
"""In all, shared evenly by the regions."""
MOST_SECONDS = 5.0
"""Of processor time in all, which is the target's pod's too."""
NOTE = "memory"
"""Under this name the regions of the first instant are in the visit's notes; the debugger's probe looks there too."""


def asked_for(plan: Plan) -> bool:
    """Only by name: content of memory is nothing that comes with a level."""
    return plan.probes is not None


def most_regions(plan: Plan, probe: str) -> int:
    """How many regions are read: the option `regions`, else 4."""
    asked = plan.option(probe, "regions")
    return min(16, max(1, asked)) if isinstance(asked, int) else 4


def take_baseline(visit: Visit) -> Taken:
    visit.notes[NOTE] = remember(visit)
    return Taken(None)


def take_content(visit: Visit) -> Taken:
    regions = growing(visit, visit.notes.get(NOTE), most_regions(visit.plan, "memory"))
    memory = TargetMemory(visit.proc, visit.jvm.target.pid)
    try:
        until = time.process_time() + min(MOST_SECONDS, max(0.5, visit.clock.left_seconds / 4))
        found = []
        for index, region in enumerate(regions):
            now = time.process_time()
            share = (until - now) / (len(regions) - index)
            found.append(_region(memory, region, READ_BYTES // len(regions), now + share))
            visit.meter.note_memory()
    finally:
        memory.close()
    return Taken({"method": "proc-mem", "pause_seconds": 0, "regions": found})


def _region(memory: TargetMemory, region: Region, most_bytes: int, until: float) -> dict[str, object]:
    # Loaded when it is needed: what a probe only knows of must cost nothing where it is not asked for.
    from offheap.collector.content import Content

    content = Content()
    cut = None
    for piece in memory.pieces(region, most_bytes):
        if time.process_time() > until:
            cut = "Time"
            break
        content.feed(memory.read(piece))
    if cut is None and content.read_bytes < region.rss_bytes // 2:
        cut = "Size"
    return described(region) | {"cut": cut} | content.result()


def described(region: Region) -> dict[str, object]:
    """Where it lies and how large it is; `cut` says what kept it from being read whole."""
    return {
        "start": f"{region.start:x}",
        "size_bytes": region.end - region.start,
        "rss_bytes": region.rss_bytes,
        "grown_bytes": region.grown_bytes,
    }


TAKES = (
    Take("memory", "baseline", FIRST, take_baseline, wanted=asked_for),
    Take("memory", "content", LAST, take_content, costly=True, wanted=asked_for, memory_bytes=6 << 20),
)
