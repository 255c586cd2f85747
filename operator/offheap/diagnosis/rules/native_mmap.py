"""Memory that native code maps itself, past malloc and past the JVM."""

from __future__ import annotations

from offheap.diagnosis.allocations import main_asker
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.content_guess import guess
from offheap.diagnosis.kinds import Confidence, VerdictKind
from offheap.diagnosis.outside import outside
from offheap.diagnosis.words import rate, size


def judge(case: Case) -> Finding | None:
    found = outside(case)
    if found is None or found.kind is not VerdictKind.NATIVE_MMAP:
        return None
    growth = found.suspicion.growth
    asker = main_asker(next((sample.fault_stacks for sample in reversed(case.samples) if sample.fault_stacks), ()))
    who = (
        ""
        if asker is None or asker.owner is None
        else f" The page faults that make it resident are most of all {asker.words}."
    )
    seen = guess(case)
    is_denied = found.witnesses.by_malloc is False
    finding = found.suspicion.finding(
        VerdictKind.NATIVE_MMAP,
        f"Anonymous mappings outside NMT's sight, malloc's arenas and stacks grew by {size(growth.rise)}, "
        f"{rate(growth.slope)}. {_NOT_MALLOC if is_denied else _PERHAPS_MALLOC}{who}{seen.words} {found.says}".strip(),
        "Find the library that maps memory: the growing regions' content (probe memory) shows whose it is, page-fault stacks "
        "(probe perf) who touches it. Look for objects of that library that are never closed.",
        case.sources("smaps/smaps", "nmt", "malloc-info/info", "memory", "gdb", "perf/page_faults"),
        owner=(asker.owner if asker else None) or seen.owner,
    )
    return finding if is_denied else finding.at_most(Confidence.MEDIUM)


_NOT_MALLOC = "Malloc did not take it, so native code maps it itself."
_PERHAPS_MALLOC = (
    "Native code maps it itself, or takes single blocks of 128 KiB and more of malloc, which glibc maps too: a profile "
    "(intrusion: Profile) or malloc's books (System.native_heap_info, JDK 21 and later) tell them apart."
)
