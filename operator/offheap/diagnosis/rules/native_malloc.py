"""Memory that the JVM's own tracking does not see: native code that takes malloc or mmap."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size
from offheap.evidence.mappings import MappingClass

_ARENA_SHARE = 0.6


def judge(case: Case) -> Finding | None:
    outside = case.rows.get(balance.OUTSIDE_NMT)
    if outside is None or case.native is None:
        return None
    growth = min(outside, case.native, key=_certainty)
    suspicion = case.suspect(growth, witnesses=[case.is_resident(growth)])
    if suspicion is None:
        return None
    return suspicion.finding(
        VerdictKind.NATIVE_MALLOC,
        f"Anonymous memory outside NMT's sight grew by {size(growth.rise)}, {rate(growth.slope)}{_where(case)}. "
        "That is native code: zlib (Inflater, Deflater, GZIP and ZIP streams), JNI libraries, or what glibc keeps.",
        "Close what holds native memory (Inflater.end(), Deflater.end(), streams, ZipFile, RocksDB objects). "
        "An allocation profile names the owner (async-profiler nativemem, or jemalloc with prof:true). To tell a leak from "
        "glibc's retention, try `jcmd PID System.trim_native_heap` (JDK 17 and later); against retention: "
        "MALLOC_ARENA_MAX=2, -XX:TrimNativeHeapInterval=5000 (17.0.9, 21 and later), or jemalloc.",
        case.sources("smaps/smaps", "nmt", "process/status"),
    )


def _certainty(growth: Growth) -> tuple[bool, float]:
    return growth.sustained, growth.rise


def _where(case: Case) -> str:
    """Whether glibc's arenas grew or other mappings, in words; empty when the mappings do not tell."""
    sheets = [sample.totals for sample in case.samples if sample.totals]
    if len(sheets) < 2:
        return ""
    arenas = sum(
        sheets[-1].of(kind).anonymous_bytes - sheets[0].of(kind).anonymous_bytes
        for kind in (MappingClass.ARENAS, MappingClass.BRK_HEAP)
    )
    other = (
        sheets[-1].of(MappingClass.OTHER_ANON).anonymous_bytes - sheets[0].of(MappingClass.OTHER_ANON).anonymous_bytes
    )
    if arenas <= 0 and other <= 0:
        return ""
    if arenas >= _ARENA_SHARE * (max(0, arenas) + max(0, other)):
        return ", in glibc's malloc arenas"
    return ", in mappings outside glibc's arenas (large malloc, or mmap)"
