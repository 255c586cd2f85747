"""The collector's own structures grow: remembered sets, mark stacks."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.GC))
    if suspicion is None:
        return None
    names = case.categories_of(balance.GC_CATEGORIES)
    return suspicion.finding(
        VerdictKind.GC_STRUCTURES,
        f"NMT's {' and '.join(names)} grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}. "
        f"{meaning(*names)}",
        "With G1, larger regions (-XX:G1HeapRegionSize) make smaller remembered sets; a newer JDK or another collector "
        f"may need less. It grows with the heap: a smaller -Xmx bounds it. {options(*names)}",
        case.sources("nmt"),
    )
