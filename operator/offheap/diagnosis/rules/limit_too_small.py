"""Nothing grows, and the container is full all the same: the limit is too small for what was configured."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import size

_NEAR_LIMIT = 0.9
"""docs/sources.md, decision tree 4: working set above 90 % of the limit without a slope."""


def judge(case: Case) -> Finding | None:
    limit = case.evidence.limit_bytes
    cgroup = next((sample.cgroup for sample in reversed(case.samples) if sample.cgroup), None)
    if not limit or cgroup is None or not case.bookings:
        return None
    heap_now = case.bookings[-1].of(balance.JAVA_HEAP) or 0
    jvm = case.evidence.jvm
    heap_to_come = max(0, (jvm.max_heap_bytes or 0) - heap_now) if jvm else 0
    working_set = max(sample.cgroup.working_set_bytes for sample in case.samples if sample.cgroup)
    is_full = working_set >= _NEAR_LIMIT * limit
    will_not_fit = working_set + heap_to_come > limit
    if not is_full and not will_not_fit:
        return None
    why = (
        f"the working set reached {size(working_set)} of {size(limit)}"
        if is_full
        else f"{size(working_set)} are used and the heap may still take {size(heap_to_come)}, more than {size(limit)}"
    )
    return Finding(
        kind=VerdictKind.LIMIT_TOO_SMALL,
        outcome=Outcome.FAIL if is_full else Outcome.WARN,
        confidence=Confidence.MEDIUM,
        growth_bytes_per_hour=None,
        message=f"The limit is tight: {why}.",
        recommendation="Raise the memory limit, or lower -Xmx (or -XX:MaxRAMPercentage), -XX:MaxDirectMemorySize, "
        "-XX:ReservedCodeCacheSize, -XX:MaxMetaspaceSize or -Xss so that their sum fits.",
        evidence=case.sources("cgroup/memory"),
    )
