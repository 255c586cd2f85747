"""What the growing anonymous memory holds, dumped by a debugger, as it has always been done: the target stands still for it.

The memory probe gives the same answer without the stop. This one is for a second opinion: all pieces are of one moment.
"""

from __future__ import annotations

from offheap.collector.growing import Region, growing, remember
from offheap.collector.outcome import Skip
from offheap.collector.probes.memory import NOTE, asked_for, described, most_regions
from offheap.collector.resident import WINDOW_BYTES, TargetMemory
from offheap.collector.visit import FIRST, LAST, Take, Taken, Visit

READ_BYTES = 4 << 20
"""In all: the target waits for each byte, and we keep them until it runs again."""
_PAUSE_SECONDS = 0.25
_MEMORY_BYTES = 44 << 20


def take_baseline(visit: Visit) -> Taken:
    if NOTE not in visit.notes:
        visit.notes[NOTE] = remember(visit)
    return Taken(None)


def take_content(visit: Visit) -> Taken:
    # Loaded when they are needed: what a probe only knows of must cost nothing where it is not asked for.
    from offheap.collector.content import Content
    from offheap.collector.debugger import PauseExceeded, dump, self_test

    pid = visit.jvm.target.pid
    regions = growing(visit, visit.notes.get(NOTE), most_regions(visit.plan, "gdb"))
    if not regions:
        return Taken({"method": "gdb", "pause_seconds": 0, "regions": []})
    memory = TargetMemory(visit.proc, pid)
    try:
        groups = [list(memory.pieces(region, READ_BYTES // len(regions))) for region in regions]
    finally:
        memory.close()
    limit = _limit_seconds(visit)
    visit.meter.note_memory(self_test(visit.proc).peak_pss_bytes)
    try:
        done = dump(visit.proc, pid, groups, limit)
    except PauseExceeded as exceeded:
        visit.meter.note_pause(exceeded.pause_seconds)
        visit.meter.note_memory(exceeded.peak_pss_bytes)
        raise
    visit.meter.note_pause(done.pause_seconds)
    visit.meter.note_memory(done.peak_pss_bytes)
    found: list[dict[str, object]] = []
    for region, data in zip(regions, done.data, strict=True):
        content = Content()
        while data:
            content.feed(bytes(data[:WINDOW_BYTES]))
            del data[:WINDOW_BYTES]
        found.append(described(region) | {"cut": _cut(region, content.read_bytes)} | content.result())
    pause = round(done.pause_seconds, 6)
    return Taken(
        {"method": "gdb", "version": done.version, "pause_seconds": pause, "regions": found}, done.pause_seconds
    )


def _cut(region: Region, read_bytes: int) -> str | None:
    return "Size" if read_bytes < region.rss_bytes // 2 else None


def _limit_seconds(visit: Visit) -> float:
    """What is left of the budget, but no longer than the target's liveness probe forgives (the operator knows its period)."""
    left = visit.plan.pause_seconds - visit.meter.pause_seconds
    forgiven = visit.plan.option("gdb", "pause_limit_seconds")
    if isinstance(forgiven, int | float) and not isinstance(forgiven, bool):
        left = min(left, forgiven)
    if left < _PAUSE_SECONDS:
        raise Skip(
            "PauseBudgetExceeded",
            f"gdb may stop the JVM for {_PAUSE_SECONDS:g} s, and {max(0.0, left):.3f} s are allowed: raise budget.pause, or the "
            "period of the target's liveness probe",
        )
    return left


TAKES = (
    Take("gdb", "baseline", FIRST, take_baseline, wanted=asked_for),
    Take(
        "gdb",
        "content",
        LAST,
        take_content,
        costly=True,
        wanted=asked_for,
        memory_bytes=_MEMORY_BYTES,
        pause_seconds=_PAUSE_SECONDS,
    ),
)
