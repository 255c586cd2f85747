"""Compiled code that grows without end, because ever new classes are generated.

A JVM at work compiles for minutes (measured: 3 MiB a minute after two), and that ends with its hot methods, at the latest
at the reserved size. So code accuses nobody unless the number of classes goes on growing as well.
"""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

_MIN_NEW_CLASSES = 50
"""A handful is still loaded long after the start."""
_FOLLOWS = (balance.OTHER_NMT, balance.SYMBOLS)


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.CODE_CACHE), follows=_FOLLOWS)
    if suspicion is None:
        return None
    if suspicion.confirmed and not _ever_new_classes(case):
        return Finding(
            kind=VerdictKind.CODE_CACHE,
            outcome=Outcome.PASS,
            confidence=Confidence.MEDIUM,
            growth_bytes_per_hour=suspicion.growth.slope * 3600,
            message=f"The code cache grew by {size(suspicion.growth.rise)} while the classes stayed the same: the JVM "
            "still compiles what is hot, and that ends.",
            recommendation="None is needed while the limit leaves room for -XX:ReservedCodeCacheSize.",
            evidence=case.sources("nmt", "smaps/smaps"),
        )
    return suspicion.finding(
        VerdictKind.CODE_CACHE,
        f"The code cache grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}{_fill(case)}. "
        f"{meaning('Code')}",
        "It ends at -XX:ReservedCodeCacheSize (240 MiB by default): lower that if the container is too small for it. "
        "If classes are generated without end, cache them; `jcmd PID Compiler.codecache` shows what is used. "
        f"{options('Code')}",
        case.sources("nmt", "jvm/codecache", "smaps/smaps"),
    )


def _fill(case: Case) -> str:
    cache = next((sample.codecache for sample in reversed(case.samples) if sample.codecache), None)
    if cache is None:
        return ""
    full = f"; it was full {cache.full_count} times" if cache.full_count else ""
    return f", to {size(cache.used_bytes)} of {size(cache.size_bytes)}{full}"


def _ever_new_classes(case: Case) -> bool:
    classes = case.class_count
    return classes is not None and classes.sustained and classes.rise >= _MIN_NEW_CLASSES
