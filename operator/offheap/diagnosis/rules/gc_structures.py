"""The collector's own structures grow: remembered sets, mark stacks."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

FOLLOWS_HEAP_SHARE = 0.06
"""Tables that cover the heap take a fixed part of what is committed of it. G1 up to 17: two mark bitmaps of 1/64 each, and
three tables of 1/512 (cards, block offsets, card counts): 3.7 %; a public log of a heap that fills shows 4.0 %."""


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.GC))
    if suspicion is None:
        return None
    names = case.categories_of(balance.GC_CATEGORIES)
    heap = case.categories.get("Java Heap")
    if heap is not None and suspicion.growth.rise <= FOLLOWS_HEAP_SHARE * heap.rise:
        return Finding(
            kind=VerdictKind.GC_STRUCTURES,
            outcome=Outcome.PASS,
            confidence=Confidence.MEDIUM,
            growth_bytes_per_hour=suspicion.growth.slope * 3600,
            message=f"NMT's {' and '.join(names)} grew by {size(suspicion.growth.rise)} while the committed heap grew by "
            f"{size(heap.rise)}: the collector's tables are that part of the heap, and end with it.",
            recommendation="None. A smaller -Xmx bounds it.",
            evidence=case.sources("nmt"),
        )
    return suspicion.finding(
        VerdictKind.GC_STRUCTURES,
        f"NMT's {' and '.join(names)} grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}. "
        f"{meaning(*names)}",
        "With G1, larger regions (-XX:G1HeapRegionSize) make smaller remembered sets; a newer JDK or another collector "
        f"may need less. It grows with the heap: a smaller -Xmx bounds it. {options(*names)}",
        case.sources("nmt"),
    )
