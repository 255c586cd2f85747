"""Memory that the JVM's own tracking does not see: native code that takes malloc and does not free."""

from __future__ import annotations

from offheap.diagnosis.allocations import main_asker
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.content_guess import guess
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.outside import outside
from offheap.diagnosis.words import rate, share_of, size


def judge(case: Case) -> Finding | None:
    found = outside(case)
    if found is None or found.kind is not VerdictKind.NATIVE_MALLOC:
        return None
    growth, profile = found.suspicion.growth, found.witnesses.profile
    asker = main_asker(profile.native) if profile and found.witnesses.profiled else None
    seen = guess(case)
    owner = asker.owner if asker else seen.owner
    who = "" if asker is None else f" {share_of(asker.share)} of what lives was asked for by {asker.words}."
    return found.suspicion.finding(
        VerdictKind.NATIVE_MALLOC,
        f"Anonymous memory outside NMT's sight grew by {size(growth.rise)}, {rate(growth.slope)}{found.where}.{who} "
        f"{_KNOWN if asker else _UNKNOWN + seen.words} {found.says}".strip(),
        f"{f'Look at {owner}: close' if owner else 'Close'} what holds native memory (Inflater.end(), Deflater.end(), "
        f"streams, ZipFile, RocksDB objects).{'' if asker else _NEXT}",
        case.sources("smaps/smaps", "nmt", "malloc-info/info", "nativemem", "jemalloc", "gperftools", "memory", "gdb"),
        owner=owner,
    )


_KNOWN = "It is native code, and it is still in use."
_UNKNOWN = "That is native code: zlib (Inflater, Deflater, GZIP and ZIP streams), JNI libraries, or what glibc keeps."
_NEXT = (
    " An allocation profile names the owner (intrusion: Profile has nativemem, instrumentation.allocator: Jemalloc its own). "
    "To tell a leak from glibc's retention, ask for the trim of the probe malloc-info (JDK 17 and later); against retention: "
    "MALLOC_ARENA_MAX=2, -XX:TrimNativeHeapInterval=5000 (17.0.9, 21 and later), or jemalloc."
)
