"""The Java heap itself: a leak of objects, or its ordinary growth to -Xmx, which is none.

Used heap is a sawtooth; only its lows, just after collections, tell what is alive. An old generation fills with garbage
until a collection has reason to clean it, so rising lows mean a leak only when the heap is nearly full of them.
"""

from __future__ import annotations

from itertools import pairwise

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import Point, measure
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

_FULL_SHARE = 0.7
"""Collectors start to clean the old generation well below it (G1 at 45 % by default, CMS at 68 %)."""
_MIN_LOWS = 3


def judge(case: Case) -> Finding | None:
    growth = case.rows.get(balance.JAVA_HEAP)
    maximum = _max_heap_bytes(case)
    lows = _lows(case)
    alive = measure(lows)
    is_full = maximum is not None and bool(lows) and lows[-1].value >= _FULL_SHARE * maximum
    if alive is not None and len(lows) >= _MIN_LOWS and is_full and alive.exceeds(case.floor_bytes) and alive.low > 0:
        return Finding(
            kind=VerdictKind.JAVA_HEAP,
            outcome=Outcome.FAIL,
            confidence=Confidence.HIGH if alive.sustained else Confidence.MEDIUM,
            growth_bytes_per_hour=alive.slope * 3600,
            message=f"What survives collections grew by {size(alive.rise)}, {rate(alive.slope)}, to "
            f"{size(lows[-1].value)} of {size(maximum or 0)}: objects of the heap leak, not memory outside it. "
            f"{meaning('Java Heap')}",
            recommendation="Take a heap dump (jcmd PID GC.heap_dump) and look at the largest retained sets; "
            f"-XX:+HeapDumpOnOutOfMemoryError keeps one for the next time. {options('Java Heap')}",
            evidence=case.sources("jvm/heap_info", "smaps/smaps"),
            share=0.0,
        )
    if growth is None or not growth.exceeds(case.floor_bytes):
        return None
    return Finding(
        kind=VerdictKind.JAVA_HEAP,
        outcome=Outcome.PASS,
        confidence=Confidence.MEDIUM,
        growth_bytes_per_hour=growth.slope * 3600,
        message=f"The heap touched {size(growth.rise)} more and ends at its maximum"
        f"{'' if maximum is None else f' of {size(maximum)}'}: ordinary growth, what survives collections does not fill it.",
        recommendation="None is needed while the limit leaves room for the whole heap.",
        evidence=case.sources("smaps/smaps", "jvm/heap_info"),
    )


def _max_heap_bytes(case: Case) -> int | None:
    if case.evidence.jvm and case.evidence.jvm.max_heap_bytes:
        return case.evidence.jvm.max_heap_bytes
    return next((sample.heap.max_bytes for sample in reversed(case.samples) if sample.heap), None)


def _lows(case: Case) -> list[Point]:
    """Used heap at the readings that follow a collection: where it fell since the reading before."""
    read = [(sample, sample.heap.used_bytes) for sample in case.samples if sample.heap]
    return [
        Point(sample.at, used, sample.incarnation)
        for (before, used_before), (sample, used) in pairwise(read)
        if used < used_before and before.incarnation == sample.incarnation
    ]
