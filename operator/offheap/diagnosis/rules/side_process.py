"""Another process of the container grows: an exporter, a child JVM, a shell that waits for children."""

from __future__ import annotations

from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import rate, size


def judge(case: Case) -> Finding | None:
    growth = case.foreign
    if growth is None or not growth.grows(case.floor_bytes):
        return None
    whole = case.off_heap_rise + growth.rise
    share = growth.rise / whole
    if share < 0.5:
        return None
    biggest = max(case.evidence.others, key=lambda other: (other.grown_bytes, other.rss_bytes), default=None)
    known = biggest is not None
    name = f"`{biggest.name}` (pid {biggest.pid})" if biggest else "a process that was not seen"
    return Finding(
        kind=VerdictKind.SIDE_PROCESS,
        outcome=Outcome.FAIL if known else Outcome.UNKNOWN,
        confidence=Confidence.MEDIUM if known else Confidence.LOW,
        growth_bytes_per_hour=growth.slope * 3600,
        message=f"Anonymous memory of the container that is not the JVM's grew by {size(growth.rise)}, "
        f"{rate(growth.slope)}; the other process that grew most, or is the largest, is {name}.",
        recommendation="Look at the other processes of the container; put them into containers of their own.",
        evidence=case.sources("cgroup/memory", "process/status"),
        owner=biggest.name if biggest else None,
        share=share,
    )
