"""Compiled code that grows: more and more methods are compiled, often generated ones."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import rate, size
from offheap.evidence.nmt_categories import meaning_of

_FOLLOWS = (balance.OTHER_NMT, balance.SYMBOLS)


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.CODE_CACHE), follows=_FOLLOWS)
    if suspicion is None:
        return None
    return suspicion.finding(
        VerdictKind.CODE_CACHE,
        f"The code cache grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}. "
        f"NMT's Code is {meaning_of('Code').meaning}.",
        "It ends at -XX:ReservedCodeCacheSize (240 MiB by default): lower that if the container is too small for it. "
        "If classes are generated without end, cache them; `jcmd PID Compiler.codecache` shows what is used.",
        case.sources("nmt", "smaps/smaps"),
    )
