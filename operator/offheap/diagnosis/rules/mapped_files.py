"""Files mapped into memory that are never unmapped."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size

_SHARE = 0.6
"""docs/sources.md, decision tree 1."""


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.MAPPED_FILES), share=_SHARE)
    if suspicion is None:
        return None
    path = growing_file(case)
    where = f", most of it of {path}" if path else ""
    return suspicion.finding(
        VerdictKind.MAPPED_FILES,
        f"Resident pages of mapped files grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}{where}. "
        "NMT does not see them.",
        "Unmap what is no longer read (Arena.close() with foreign memory; let MappedByteBuffers become unreachable), or "
        "bound the cache of mappings. Clean pages are given back under pressure: raise the limit only if they are hot.",
        case.sources("smaps/smaps", "process/status", "cgroup/memory"),
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
