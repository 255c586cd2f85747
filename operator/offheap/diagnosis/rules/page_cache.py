"""The page cache grows with files read and written. It looks like a leak in the container's usage and is none."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import rate, size

_FLOOR_BYTES = 16 << 20
_USAGE_SHARE = 0.6


def judge(case: Case) -> Finding | None:
    growth = case.rows.get(balance.PAGE_CACHE)
    if growth is None or not growth.grows(max(case.floor_bytes, _FLOOR_BYTES)):
        return None
    whole = case.off_heap_rise + case.rise(balance.JAVA_HEAP, balance.COMPILER) + growth.rise
    share = growth.rise / whole
    if share < _USAGE_SHARE:
        return None
    return Finding(
        kind=VerdictKind.PAGE_CACHE,
        outcome=Outcome.FAIL,
        confidence=Confidence.HIGH,
        growth_bytes_per_hour=growth.slope * 3600,
        message=f"The page cache grew by {size(growth.rise)}, {rate(growth.slope)}, the process hardly. The kernel gives it "
        "back before it kills.",
        recommendation="Watch the working set, not the usage. If files are written without end, rotate and bound them.",
        evidence=case.sources("cgroup/memory"),
        share=0.0,
    )
