"""Memory that Java code takes outside the heap: direct buffers, Unsafe.allocateMemory, foreign memory, Netty's buffers.

NMT books all of them in one category (Internal on JDK 8, Other since 11) and the call sites end in the same function. The
JVM's buffer pools count direct buffers only: what grows in step with them is NIO's, what grows beside them is not. Without
a reading of the pools one sign is left: NIO never holds more than -XX:MaxDirectMemorySize (the maximum heap by default).
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.diagnosis import balance
from offheap.diagnosis.allocations import main_asker
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.content_guess import guess
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.rules.awaiting_gc import direct_memory_waits
from offheap.diagnosis.words import options, rate, size
from offheap.evidence.buffer_pools import BufferPools
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.nmt_categories import meaning_of
from offheap.evidence.nmt_report import NmtReport

_IN_STEP = 0.5
"""The pools count so much of the category's growth: the rest is headers, and a reading some seconds apart."""
_NETTYS = 0.5
"""Netty's own counters account for so much of what grew beside the pools."""
BESIDE_POOLS_BYTES = 16 << 20
"""docs/sources.md, decision tree 10: so much more in the category than in the pools is Unsafe's, Netty's or foreign memory.
Decides where the pools were read once only."""
_ABOVE_CAP = 1.05
"""NMT's own headers and a few other users of the category lie on top of what NIO counts."""
_CAP_OPTION = "-XX:MaxDirectMemorySize="
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_UNSAFE_SYMBOL = "Unsafe_AllocateMemory"
_UNKNOWN_USE = "It may be direct buffers, Unsafe or foreign memory; NMT does not tell them apart."


@dataclass(frozen=True, slots=True)
class _Use:
    """Which kind it is, why in a sentence, and whether the pools say so (None: they were not read)."""

    kind: VerdictKind
    why: str
    pools_agree: bool | None
    owner: str | None = None


def judge(case: Case) -> Finding | None:
    growth = case.rows.get(balance.DIRECT)
    report = next((sample.nmt for sample in reversed(case.samples) if sample.nmt), None)
    if direct_memory_waits(case):
        return None
    if growth is None or report is None:
        return _by_pools_alone(case)
    use = _use(case, growth, report)
    suspicion = case.suspect(
        growth, follows=[balance.THREADS], witnesses=[case.is_resident(growth)], confirmations=[use.pools_agree]
    )
    if suspicion is None:
        return None
    category = balance.direct_category(report)
    called = any(_UNSAFE_SYMBOL in frame for site in report.sites if site.category == category for frame in site.frames)
    site = (
        " The call sites are Unsafe_AllocateMemory, so Java code asks for it, not a native library." if called else ""
    )
    who, owner = _who(case)
    seen = guess(case)
    return suspicion.finding(
        use.kind,
        f"NMT's {category} grew by {size(growth.rise)}, {rate(growth.slope)}, to {size(report.committed_bytes(category))}: "
        f"{meaning_of(category).text}. {use.why}{who or seen.words}{site}",
        f"{_UNSAFE if use.kind is VerdictKind.UNSAFE_MEMORY else _DIRECT}{_explicit_gc(case)} {options(category)}",
        case.sources("nmt", "buffer-pools", "nativemem", "smaps/smaps", "memory", "gdb"),
        owner=owner or use.owner or seen.owner,
    )


def _by_pools_alone(case: Case) -> Finding | None:
    """Without NMT the pools still tell of direct buffers, and nothing of the rest."""
    growth = case.direct_pool
    suspicion = case.suspect(growth, follows=[balance.THREADS], witnesses=[case.is_resident(growth)] if growth else ())
    if growth is None or suspicion is None:
        return None
    who, owner = _who(case)
    return suspicion.finding(
        VerdictKind.DIRECT_BUFFERS,
        f"Direct buffers grew by {size(growth.rise)}, {rate(growth.slope)}, by the JVM's own count.{who}",
        f"{_DIRECT}{_explicit_gc(case)}",
        case.sources("buffer-pools", "smaps/smaps"),
        owner=owner,
    )


def _use(case: Case, growth: Growth, report: NmtReport) -> _Use:
    category = balance.direct_category(report)
    now = report.committed_bytes(category)
    pools = _last_pools(case)
    pooled = pools.direct.used_bytes if pools and pools.direct else None
    if case.direct_pool is not None and pooled is not None:
        in_step = case.direct_pool.rise / growth.rise if growth.rise > 0 else 0.0
        if in_step >= _IN_STEP:
            return _Use(
                VerdictKind.DIRECT_BUFFERS,
                f"The JVM's buffer pools grew in step, by {size(case.direct_pool.rise)} to {size(pooled)}: direct buffers of NIO.",
                pools_agree=True,
            )
        return _beside_pools(case, growth, pooled)
    if pooled is not None and now - pooled > BESIDE_POOLS_BYTES:
        return _beside_pools(case, growth, pooled)
    cap = direct_memory_cap(case.evidence.jvm)
    if cap is None:
        return _Use(VerdictKind.DIRECT_BUFFERS, _UNKNOWN_USE, None)
    if now > _ABOVE_CAP * cap:
        why = f"It is not direct buffers of NIO, for these end at {size(cap)}."
        return _Use(VerdictKind.UNSAFE_MEMORY, why, None)
    return _Use(VerdictKind.DIRECT_BUFFERS, f"It is direct buffers or Unsafe memory; NIO's end at {size(cap)}.", None)


def _beside_pools(case: Case, growth: Growth, pooled: int) -> _Use:
    netty = case.netty
    why = f"The JVM's buffer pools hold {size(pooled)} and did not grow with it: not direct buffers of NIO"
    if netty is not None and netty.rise >= _NETTYS * growth.rise:
        pools = _last_pools(case)
        counters = max(pools.netty, key=lambda each: each.used_direct_bytes or 0) if pools and pools.netty else None
        name = counters.class_name.removesuffix(".util.internal.PlatformDependent") if counters else "io.netty"
        return _Use(
            VerdictKind.UNSAFE_MEMORY,
            f"{why}, but Netty's buffers without cleaner: its own counter grew by {size(netty.rise)} ({name}).",
            pools_agree=True,
            owner=name,
        )
    rest = "Unsafe.allocateMemory, foreign memory" + ("" if netty is None else ", and not what Netty counts")
    return _Use(VerdictKind.UNSAFE_MEMORY, f"{why}, but {rest}.", pools_agree=True)


def _who(case: Case) -> tuple[str, str | None]:
    """Who asked for it by the first profile that saw it: in words, and the owner's name."""
    asker = next((found for each in case.allocations if (found := main_asker(each.by_java))), None)
    if asker is None or asker.owner is None or asker.method is None:
        return "", None
    return f" Most of it was asked for by {asker.words}.", asker.owner


def _last_pools(case: Case) -> BufferPools | None:
    return next((sample.pools for sample in reversed(case.samples) if sample.pools), None)


def _explicit_gc(case: Case) -> str:
    pools = _last_pools(case)
    is_off = pools is not None and pools.disable_explicit_gc
    return (
        " -XX:+DisableExplicitGC is set, so NIO cannot free buffers when its limit is reached: remove it."
        if is_off
        else ""
    )


_DIRECT = (
    "Keep direct buffers in a pool or let go of them; ByteBuf.release() with Netty "
    "(-Dio.netty.leakDetection.level=paranoid finds the place); Arena.close() with foreign memory. "
    "-XX:MaxDirectMemorySize bounds NIO's, -Dio.netty.maxDirectMemory Netty's, -Djdk.nio.maxCachedBufferSize the "
    "temporary buffers of each thread. -XX:+DisableExplicitGC keeps NIO from freeing them: remove it. "
    "The count of java.nio's BufferPool MXBean (intrusion: Profile reads it) tells direct buffers from Unsafe."
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
