"""The collector's own structures grow: remembered sets, mark stacks."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size
from offheap.evidence.nmt_categories import meaning_of


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.GC))
    if suspicion is None:
        return None
    return suspicion.finding(
        VerdictKind.GC_STRUCTURES,
        f"NMT's GC grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}. It is "
        f"{meaning_of('GC').meaning}.",
        "With G1, larger regions (-XX:G1HeapRegionSize) make smaller remembered sets; a newer JDK or another collector "
        "may need less. It grows with the heap: a smaller -Xmx bounds it.",
        case.sources("nmt"),
    )
