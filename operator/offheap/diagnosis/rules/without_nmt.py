"""NMT is off and malloc's memory grows: a leak outside the heap is likely, but whose it is cannot be told."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.content_guess import guess
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.outside import outside
from offheap.diagnosis.rules import direct_memory
from offheap.diagnosis.words import rate, size


def judge(case: Case) -> Finding | None:
    if case.has_nmt or outside(case) is not None or direct_memory.judge(case) is not None:
        return None
    growths = [case.rows[row] for row in (balance.MALLOC, balance.OTHER_ANONYMOUS) if row in case.rows]
    growth = max(growths, key=_rise, default=None)
    suspicion = case.suspect(growth)
    if suspicion is None:
        return None
    seen = guess(case)
    return Finding(
        kind=VerdictKind.NATIVE_MALLOC,
        outcome=Outcome.UNKNOWN if suspicion.confirmed else Outcome.WARN,
        confidence=Confidence.LOW,
        growth_bytes_per_hour=suspicion.growth.slope * 3600,
        message=f"Anonymous memory outside heap, stacks and code grew by {size(suspicion.growth.rise)}, "
        f"{rate(suspicion.growth.slope)}. Without Native Memory Tracking it may be direct buffers, Unsafe, metaspace or "
        f"native code.{seen.words}",
        recommendation="Turn on Native Memory Tracking (-XX:NativeMemoryTracking=summary): intrusion: Restart does it "
        "for the time of the investigation.",
        evidence=case.sources("smaps/smaps", "process/status"),
        owner=seen.owner,
        share=suspicion.share,
    )


def _rise(growth: Growth) -> float:
    return growth.rise
