"""Memory that the program freed and glibc keeps: its arenas are full of holes, and the kernel sees no page come back."""

from __future__ import annotations

from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, VerdictKind
from offheap.diagnosis.outside import outside
from offheap.diagnosis.words import rate, size


def judge(case: Case) -> Finding | None:
    found = outside(case)
    if found is None or found.kind is not VerdictKind.GLIBC_RETENTION:
        return None
    growth, heard = found.suspicion.growth, found.witnesses
    # A collection before the trim may have freed what it returned; malloc's books of before would tell.
    is_open = heard.gc is not None and heard.kept_free is None
    finding = found.suspicion.finding(
        VerdictKind.GLIBC_RETENTION,
        f"Memory outside NMT's sight grew by {size(growth.rise)}, {rate(growth.slope)}{found.where}, and what grew is free: "
        f"glibc keeps it in its arenas. {found.says}{_OPEN if is_open else ''}",
        "Let fewer arenas hold holes: MALLOC_ARENA_MAX=2 (the trial ArenaMax measures it), or give back now and then: "
        "-XX:TrimNativeHeapInterval=5000 (17.0.15, 21.0.13, 22 and later; older JDKs do not start with it), or use jemalloc. "
        "The program itself leaks nothing here.",
        case.sources("malloc-info/trim", "malloc-info/info", "smaps/smaps", "nmt"),
        owner="glibc malloc",
    )
    return finding.at_most(Confidence.MEDIUM) if is_open else finding


_OPEN = " The trim followed a collection, which may have freed it first: then it is garbage that waited."
