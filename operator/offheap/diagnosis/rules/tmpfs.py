"""Files in memory: an emptyDir of medium Memory, /dev/shm, memfd. The kernel cannot reclaim them."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.TMPFS))
    if suspicion is None:
        return None
    return suspicion.finding(
        VerdictKind.TMPFS,
        f"Shared memory other than the Java heap grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}: "
        "files in an emptyDir of medium Memory, /dev/shm, or a library's memfd.",
        "Delete or rotate the files, give the volume a sizeLimit, or put it on disk (an emptyDir without medium).",
        case.sources("cgroup/memory", "process/status"),
    )
