"""The answer as a text for people, and as an object for programs (in the words of the API's status)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from textwrap import fill

from offheap.diagnosis import Balance, Finding, Verdict
from offheap.diagnosis.words import rate, size, span
from offheap.offline.analysis import Analysis
from offheap.offline.assemble import ReadAs

_WIDTH = 110
_MOST_FILES = 3
"""Of one kind, named one by one; JSON names all."""


def text(analysis: Analysis) -> str:
    """The report, lines ended by a newline."""
    return "\n".join(_lines(analysis)) + "\n"


def document(analysis: Analysis) -> dict[str, object]:
    """The same as an object of JSON. Sizes are bytes, rates bytes an hour, times RFC 3339."""
    diagnosis = analysis.diagnosis
    balance = diagnosis.balance
    return {
        "verdict": _verdict_document(diagnosis.verdict),
        "suspicion": analysis.suspicion,
        "findings": [_finding_document(finding) for finding in diagnosis.findings],
        "balance": None if balance is None else _balance_document(balance),
        "facts": list(analysis.facts),
        "toCollect": list(analysis.to_collect),
        "notes": list(analysis.notes),
        "read": [
            {
                "file": each.source,
                "as": each.kind.value,
                "texts": each.texts,
                "first": None if each.first is None else _time(each.first),
                "last": None if each.last is None else _time(each.last),
                "clock": each.clock.value,
            }
            for each in analysis.read
        ],
        "notRead": [{"file": each.source, "reason": each.reason} for each in analysis.refused],
    }


def _verdict_document(verdict: Verdict) -> dict[str, object]:
    return {
        "kind": verdict.kind.value,
        "confidence": verdict.confidence.value,
        "growthBytesPerHour": verdict.growth_bytes_per_hour,
        "secondsToLimit": verdict.seconds_to_limit,
        "summary": verdict.summary,
        "owner": verdict.owner,
        "recommendation": verdict.recommendation,
        "missing": verdict.missing,
    }


def _finding_document(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "outcome": finding.outcome.value,
        "confidence": finding.confidence.value,
        "growthBytesPerHour": finding.growth_bytes_per_hour,
        "message": finding.message,
        "owner": finding.owner,
        "recommendation": finding.recommendation,
        "evidence": list(finding.evidence),
    }


def _balance_document(balance: Balance) -> dict[str, object]:
    return {
        "limitBytes": balance.limit_bytes,
        "usageBytes": balance.usage_bytes,
        "rows": [
            {"name": row.name, "bytes": row.bytes, "growthBytesPerHour": row.growth_bytes_per_hour}
            for row in balance.rows
        ],
    }


def _lines(analysis: Analysis) -> Iterator[str]:
    verdict = analysis.diagnosis.verdict
    yield f"Verdict: {verdict.kind}" + (f" ({verdict.confidence} confidence)" if analysis.is_decided else "")
    if analysis.suspicion is not None:
        yield f"Suspicion: {analysis.suspicion}"
    yield ""
    yield fill(verdict.summary, _WIDTH)
    if verdict.owner:
        yield f"Owner: {verdict.owner}"
    if verdict.growth_bytes_per_hour is not None:
        soon = "" if verdict.seconds_to_limit is None else f"; the limit is reached in {span(verdict.seconds_to_limit)}"
        yield f"Growth: {rate(verdict.growth_bytes_per_hour / 3600)}{soon}"
    if analysis.is_decided:
        yield fill(f"What to do: {verdict.recommendation}", _WIDTH, subsequent_indent="  ")
    yield from _list("To decide it, collect", analysis.to_collect)
    yield from _list("What single files say", analysis.facts)
    yield from _findings(analysis.diagnosis.findings)
    if analysis.diagnosis.balance is not None:
        yield from _balance(analysis.diagnosis.balance)
    yield from _list("Note", analysis.notes)
    yield from _list("Read", list(_read(analysis.read)))
    yield from _list("Not read", [f"{each.source}: {each.reason}" for each in analysis.refused])


def _read(read: Sequence[ReadAs]) -> Iterator[str]:
    """A line a file; many files of one kind are told by the first and the last."""
    kinds: dict[str, list[ReadAs]] = {}
    for each in read:
        kinds.setdefault(each.kind.value, []).append(each)
    for kind, files in kinds.items():
        if len(files) > _MOST_FILES:
            texts = sum(each.texts for each in files)
            yield f"{kind}: {texts} texts{_when(files)} in {len(files)} files, {files[0].source} to {files[-1].source}"
            continue
        for each in files:
            many = f" ({each.texts} texts)" if each.texts > 1 else ""
            yield f"{each.source}: {kind}{many}{_when([each])}"


def _when(files: Sequence[ReadAs]) -> str:
    first = min((each.first for each in files if each.first is not None), default=None)
    last = max((each.last for each in files if each.last is not None), default=None)
    if first is None or last is None:
        return ""
    clocks = dict.fromkeys(each.clock.value for each in files if each.first is not None)
    return f", {_time(first)}{f' to {_time(last)}' if last > first else ''} ({', '.join(clocks)})"


def _list(title: str, items: tuple[str, ...] | list[str]) -> Iterator[str]:
    if items:
        yield ""
        yield f"{title}:"
        for item in items:
            yield fill(item, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield "Findings:"
    for finding in findings:
        head = f"{finding.outcome} {finding.kind} ({finding.confidence}): "
        yield fill(head + finding.message, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        if finding.evidence:
            yield fill(f"from {', '.join(finding.evidence)}", _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _balance(balance: Balance) -> Iterator[str]:
    limit = "" if balance.limit_bytes is None else f" of a limit of {size(balance.limit_bytes)}"
    yield ""
    yield f"Balance: {size(balance.usage_bytes)}{limit}"
    for row in balance.rows:
        growth = row.growth_bytes_per_hour
        moves = "" if not growth or abs(growth) < 1 << 20 else f"  {'+' if growth > 0 else ''}{rate(growth / 3600)}"
        yield f"  {row.name:<22}{size(row.bytes):>12}{moves}"


def _time(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "an impossible time"
