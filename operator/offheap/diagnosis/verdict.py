"""From findings to one verdict: the leak that explains most, else that nothing leaks, else what is missing to know."""

from __future__ import annotations

from collections.abc import Sequence

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding, Verdict
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import MIN_SAMPLES
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import size, span

_LEAST_SECONDS = 20.0
"""A window shorter than this after warm-up proves no absence of growth: at 1 MiB a second it would stay at the floor's
edge of a container of 2 GiB."""
_ENDS_BY_ITSELF = (balance.JAVA_HEAP, balance.CODE_CACHE, balance.COMPILER, balance.PAGE_CACHE)
"""Bounded by an option, or given back: their own rules judge them."""
_LONGER = "a longer sampling.duration: memory grows steadily, and no part of it stands out yet"
_UNEXPLAINED_FLOOR_SHARE = 0.5
_LIMIT_KINDS = (VerdictKind.LIMIT_TOO_SMALL, VerdictKind.PAGE_CACHE)


def pick(case: Case, findings: Sequence[Finding]) -> Verdict:
    """The verdict. The order of `findings` is that of the rules and breaks ties."""
    leaks = [finding for finding in findings if finding.outcome is Outcome.FAIL and finding.kind not in _LIMIT_KINDS]
    sure = [finding for finding in leaks if finding.confidence is not Confidence.LOW]
    if sure:
        return _leak(case, max(sure, key=_weight))
    missing = _missing(case, findings) or (_LONGER if leaks else None)
    if missing is not None:
        return _inconclusive(case, findings, missing)
    softer = next((finding for finding in findings if finding.outcome is Outcome.FAIL), None)
    return _leak(case, softer) if softer else _no_leak(case, findings)


def _weight(finding: Finding) -> float:
    return finding.growth_bytes_per_hour or 0.0


def _leak(case: Case, finding: Finding) -> Verdict:
    seconds = seconds_to_limit(case, finding.growth_bytes_per_hour)
    soon = f" At this rate the limit is reached in {span(seconds)}." if seconds is not None else ""
    return Verdict(
        kind=finding.kind,
        confidence=finding.confidence,
        growth_bytes_per_hour=finding.growth_bytes_per_hour,
        seconds_to_limit=seconds,
        summary=finding.message + soon,
        owner=finding.owner,
        recommendation=finding.recommendation,
    )


def _no_leak(case: Case, findings: Sequence[Finding]) -> Verdict:
    growth = _window(case)
    notes = " ".join(finding.message for finding in findings if finding.outcome in (Outcome.PASS, Outcome.WARN))
    over = "" if growth is None else f" over {span(growth[1])} and {growth[0]} samples after warm-up"
    return Verdict(
        kind=VerdictKind.NO_LEAK,
        confidence=Confidence.HIGH if case.has_nmt and not notes else Confidence.MEDIUM,
        growth_bytes_per_hour=None,
        seconds_to_limit=None,
        summary=f"Nothing outside the heap goes on growing by more than {size(case.floor_bytes)}{over}. {notes}".strip(),
        owner=None,
        recommendation="None. A leak slower than this needs a longer sampling.duration to show.",
    )


def _inconclusive(case: Case, findings: Sequence[Finding], missing: str) -> Verdict:
    open_questions = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    lead = max(open_questions, key=_weight, default=None)
    growth = lead.growth_bytes_per_hour if lead else None
    return Verdict(
        kind=VerdictKind.INCONCLUSIVE,
        confidence=Confidence.LOW,
        growth_bytes_per_hour=growth,
        seconds_to_limit=seconds_to_limit(case, growth),
        summary=lead.message if lead else "The evidence does not decide whether something leaks.",
        owner=lead.owner if lead else None,
        recommendation=f"To decide it: {missing}",
        missing=missing,
    )


def _missing(case: Case, findings: Sequence[Finding]) -> str | None:
    """The one level or setting that would decide, or None when it is decided that nothing leaks."""
    window = _window(case)
    if not case.bookings or window is None:
        return "at least two samples of the running JVM (see the skipped probes and their reasons)"
    if not case.sees_process:
        return "the process's resident memory (/proc/PID/smaps or status): NMT alone does not see native code"
    samples, seconds = window
    if samples < MIN_SAMPLES or seconds < _LEAST_SECONDS:
        return f"a longer sampling.duration: {samples} samples over {span(seconds)} after warm-up are too few"
    unknown = next((finding for finding in findings if finding.outcome is Outcome.UNKNOWN), None)
    if _hides_growth(case):
        return "the process's mappings (/proc/PID/smaps): without them NMT's committed memory may hide what native code holds"
    unexplained_growth = _grows_unexplained(case)
    if (unknown or unexplained_growth) and not case.has_nmt:
        return "Native Memory Tracking: intrusion: Restart with instrumentation.nmt: Summary"
    if unknown is not None:
        return "the other processes of the container: intrusion: Attach, or a container of their own for them"
    if unexplained_growth:
        return _LONGER
    return None


def _grows_unexplained(case: Case) -> bool:
    """Rows that nothing bounds grow steadily and certainly: each too little to accuse, together too much to
    acquit. Half the floor is far above what healthy JVMs show (0.5 MiB measured)."""
    growths = [
        growth
        for name, growth in case.rows.items()
        if name not in _ENDS_BY_ITSELF and growth.sustained and growth.low > 0
    ]
    return sum(growth.rise for growth in growths) > _UNEXPLAINED_FLOOR_SHARE * case.floor_bytes


def _hides_growth(case: Case) -> bool:
    """The anonymous memory rose, and no mappings tell what is touched of what NMT calls committed: as long as less is touched,
    memory outside NMT shows in no row."""
    return (
        case.has_nmt
        and not any(sample.totals for sample in case.samples)
        and case.anonymous is not None
        and case.anonymous.exceeds(case.floor_bytes)
    )


def _window(case: Case) -> tuple[int, float] | None:
    """(samples, seconds) after warm-up of the series that decides: the process's memory, else any row."""
    growth = case.anonymous or next(iter(case.rows.values()), None)
    return None if growth is None else (growth.samples, growth.seconds)


def seconds_to_limit(case: Case, growth_bytes_per_hour: float | None) -> float | None:
    """When the limit is reached at this rate; page cache counts as free, for the kernel takes it back first."""
    limit = case.evidence.limit_bytes
    if not limit or not case.bookings or not growth_bytes_per_hour or growth_bytes_per_hour <= 0:
        return None
    sheet = case.bookings[-1]
    headroom = limit - sheet.usage_bytes + (sheet.of(balance.PAGE_CACHE) or 0)
    return max(0.0, headroom / growth_bytes_per_hour * 3600)
