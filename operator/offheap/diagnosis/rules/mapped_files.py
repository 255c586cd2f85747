"""Files mapped into memory that are never unmapped."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size

_SHARE = 0.6
"""docs/sources.md, decision tree 1."""
_BY_NIO = 0.5
"""The JVM's pool of mapped buffers gained so much of it."""
_NIO = " They are MappedByteBuffers: the JVM's own count of them grew alike."


def judge(case: Case) -> Finding | None:
    growth, pool = case.rows.get(balance.MAPPED_FILES), case.mapped_pool
    # Only buffers of NIO are in the pool: one that stays says nothing, for native code and foreign memory map files too.
    by_nio = growth is not None and pool is not None and pool.rise >= _BY_NIO * growth.rise
    suspicion = case.suspect(growth, share=_SHARE, confirmations=[by_nio or None])
    if suspicion is None:
        return None
    path = growing_file(case)
    where = f", most of it of {path}" if path else ""
    return suspicion.finding(
        VerdictKind.MAPPED_FILES,
        f"Resident pages of mapped files grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}{where}. "
        f"NMT does not see them.{_NIO if by_nio else ''}",
        "Unmap what is no longer read (Arena.close() with foreign memory; let MappedByteBuffers become unreachable), or "
        "bound the cache of mappings. Clean pages are given back under pressure: raise the limit only if they are hot.",
        case.sources("smaps/smaps", "process/status", "cgroup/memory", "buffer-pools"),
        owner=path,
    )


def growing_file(case: Case) -> str | None:
    """The mapped file (no library) whose resident pages grew most between the first and the last reading."""
    readings = [sample.file_rss for sample in case.samples if sample.totals]
    if len(readings) < 2:
        return None
    first = dict(readings[0])
    gain, path = max(((rss - first.get(path, 0), path) for path, rss in readings[-1]), default=(0, ""))
    return path if gain > 0 else None
