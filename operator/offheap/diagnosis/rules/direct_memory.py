"""Memory that Java code takes outside the heap: direct buffers, Unsafe.allocateMemory, foreign memory.

NMT books all of them in one category (Internal on JDK 8, Other since 11) and the call sites end in the same function, so
without a reading of the buffer pools they are one kind. One sign tells them apart all the same: NIO never holds more
than -XX:MaxDirectMemorySize (the maximum heap by default), so what exceeds it is not NIO's.
"""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import options, rate, size
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.nmt_categories import meaning_of

_ABOVE_CAP = 1.05
"""NMT's own headers and a few other users of the category lie on top of what NIO counts."""
_CAP_OPTION = "-XX:MaxDirectMemorySize="
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_UNSAFE_SYMBOL = "Unsafe_AllocateMemory"


def judge(case: Case) -> Finding | None:
    growth = case.rows.get(balance.DIRECT)
    report = next((sample.nmt for sample in reversed(case.samples) if sample.nmt), None)
    if growth is None or report is None:
        return None
    suspicion = case.suspect(growth, follows=[balance.THREADS], witnesses=[case.is_resident(growth)])
    if suspicion is None:
        return None
    category = balance.direct_category(report)
    now = report.committed_bytes(category)
    cap = direct_memory_cap(case.evidence.jvm)
    is_beyond_nio = cap is not None and now > _ABOVE_CAP * cap
    what = (
        "not direct buffers of NIO, for these end at"
        if is_beyond_nio
        else "direct buffers or Unsafe memory; NIO's end at"
    )
    limit = "" if cap is None else f" It is {what} {size(cap)}."
    called = any(_UNSAFE_SYMBOL in frame for site in report.sites if site.category == category for frame in site.frames)
    site = (
        " The call sites are Unsafe_AllocateMemory, so Java code asks for it, not a native library." if called else ""
    )
    either = "" if limit else " It may be direct buffers, Unsafe or foreign memory; NMT does not tell them apart."
    return suspicion.finding(
        VerdictKind.UNSAFE_MEMORY if is_beyond_nio else VerdictKind.DIRECT_BUFFERS,
        f"NMT's {category} grew by {size(growth.rise)}, {rate(growth.slope)}, to {size(now)}: "
        f"{meaning_of(category).text}.{limit}{either}{site}",
        f"{_UNSAFE if is_beyond_nio else _DIRECT} {options(category)}",
        case.sources("nmt", "smaps/smaps"),
    )


_DIRECT = (
    "Keep direct buffers in a pool or let go of them; ByteBuf.release() with Netty "
    "(-Dio.netty.leakDetection.level=paranoid finds the place); Arena.close() with foreign memory. "
    "-XX:MaxDirectMemorySize bounds NIO's, -Dio.netty.maxDirectMemory Netty's, -Djdk.nio.maxCachedBufferSize the "
    "temporary buffers of each thread. -XX:+DisableExplicitGC keeps NIO from freeing them: remove it. "
    "The count of java.nio's BufferPool MXBean tells direct buffers from Unsafe."
)
_UNSAFE = (
    "Look for Unsafe.allocateMemory without freeMemory, Netty's buffers without cleaner "
    "(-Dio.netty.maxDirectMemory bounds them), or arenas of foreign memory that are never closed (Arena.close()). "
    "-XX:MaxDirectMemorySize does not bound any of these."
)


def direct_memory_cap(jvm: JvmIdentity | None) -> int | None:
    """What NIO may hold at most, bytes: the option, else the maximum heap. None when neither is known."""
    if jvm is None:
        return None
    for option in reversed(jvm.options):
        if option.startswith(_CAP_OPTION):
            cap = _size_of(option.removeprefix(_CAP_OPTION))
            if cap:
                return cap
    return jvm.max_heap_bytes


def _size_of(text: str) -> int | None:
    """A size as the JVM's options take it: digits and at most one unit. None when it is none."""
    unit = _UNITS.get(text[-1:].lower(), 1)
    digits = text if unit == 1 else text[:-1]
    return int(digits) * unit if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None
