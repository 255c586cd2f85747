"""Where threads spend their time, and where they touch memory for the first time, by perf.

Every page that grows the resident size is a page fault of some thread: its stack says who. Both events are the kernel's own
counters, for virtual machines have no others. It needs rights that a restricted pod lacks, so it may be a collector of its own.
"""

from __future__ import annotations

import time

from offheap.collector.plan import Plan
from offheap.collector.text import Text
from offheap.collector.visit import LAST, Take, Taken, Visit

_SECONDS = 10.0
_MOST_SECONDS = 300.0
_HERTZ = 99
_FAULT_SAMPLES_A_SECOND = 500
_LOOK_SECONDS = 0.5
_NANOSECONDS_PER_MILLISECOND = 1_000_000
_TRIED = "perf-tried"
_MEMORY_BYTES = 32 << 20
"""perf record and perf script together: 20 to 29 MiB, by how much of their libraries others share."""


def asked_for(plan: Plan) -> bool:
    """Only by name."""
    return plan.probes is not None


def take_threads(visit: Visit) -> Taken:
    return _take(visit, "cpu-clock", ("-F", str(_HERTZ)), _NANOSECONDS_PER_MILLISECOND)


def take_page_faults(visit: Visit) -> Taken:
    # By a period of our own: perf's search for the period of a frequency overshot the number of faults a hundred times.
    before = _faults(visit)
    time.sleep(_LOOK_SECONDS)
    period = max(1, int((_faults(visit) - before) / _LOOK_SECONDS / _FAULT_SAMPLES_A_SECOND))
    return _take(visit, "page-faults", ("-c", str(period)), 1)


def _faults(visit: Visit) -> int:
    """How many page faults all its threads have had, minor and major (proc_pid_stat(5), fields 10 and 12)."""
    fields = visit.proc.read(visit.jvm.target.pid, "stat").rpartition(b")")[2].split()
    return int(fields[7]) + int(fields[9])


def undo(visit: Visit) -> None:
    from offheap.collector.frames import remove_map

    remove_map(visit)


def _take(visit: Visit, event: str, how_often: tuple[str, str], unit: int) -> Taken:
    # Loaded when they are needed: what a probe only knows of must cost nothing where it is not asked for.
    from offheap.collector.children import Children
    from offheap.collector.frames import collapsed
    from offheap.collector.perf import record, trial

    with Children() as children:
        try:
            if not visit.notes.get(_TRIED):
                trial(children)
                visit.notes[_TRIED] = True
            stacks = record(children, visit.jvm.target.pid, event, how_often, _seconds(visit))
        finally:
            visit.meter.note_memory(children.peak_pss_bytes)
    text = Text()
    text.add(collapsed(visit, stacks, unit))
    return Taken(text)


def _seconds(visit: Visit) -> float:
    asked = visit.plan.option("perf", "duration_seconds")
    wanted = asked if isinstance(asked, int | float) and not isinstance(asked, bool) else _SECONDS
    return max(1.0, min(_MOST_SECONDS, wanted, visit.clock.left_seconds / 2 - 10))


TAKES = (
    Take("perf", "threads", LAST, take_threads, costly=True, wanted=asked_for, memory_bytes=_MEMORY_BYTES, undo=undo),
    Take(
        "perf",
        "page_faults",
        LAST,
        take_page_faults,
        costly=True,
        wanted=asked_for,
        memory_bytes=_MEMORY_BYTES,
        undo=undo,
    ),
)
