"""Evidence in, diagnosis out: pure, and the same for a cluster's investigation and for files collected by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from offheap.diagnosis.allocations import allocations, main_asker
from offheap.diagnosis.answer import Balance, Diagnosis, Finding, Row, Verdict
from offheap.diagnosis.case import Case, open_case, ordered
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.rules import RULES
from offheap.diagnosis.trials import CHANGES, compare
from offheap.diagnosis.verdict import pick
from offheap.diagnosis.words import share_of
from offheap.evidence.sample import Evidence

_ORDER = {Outcome.FAIL: 0, Outcome.UNKNOWN: 1, Outcome.WARN: 2, Outcome.PASS: 3}
_NATIVE = (VerdictKind.NATIVE_MALLOC, VerdictKind.NATIVE_MMAP)


def diagnose(evidence: Evidence) -> Diagnosis:
    """What leaks, how fast, how sure. Never raises; the order of `evidence.samples` does not matter."""
    return diagnose_with(evidence, ())


def diagnose_with(evidence: Evidence, trials: Sequence[tuple[str, Evidence]]) -> Diagnosis:
    """The same, with runs under one change each, by the names of their stages (`ArenaMax`, `Jemalloc`, …).

    Each is compared with `evidence`, the run without any; what an allocator's profiles say of the owner is taken over.
    """
    whole = ordered(evidence)
    if not whole.samples:
        return Diagnosis(verdict=_nothing_read(evidence), findings=(), balance=None)
    case = open_case(whole)
    compared = [compare(whole, trial, name) for name, trial in trials]
    denied = {
        finding.kind
        for (name, _), finding in zip(trials, compared, strict=True)
        if finding.outcome is Outcome.PASS and CHANGES[name].denies
    }
    findings = [_with_trials(finding, compared, denied) for rule in RULES if (finding := rule(case)) is not None]
    for name, trial in trials:
        if trial.heap_profiles or trial.native_stacks:
            findings = [_with_owner(finding, name, trial) for finding in findings]
    findings += compared
    ranked = sorted(findings, key=lambda finding: (_ORDER[finding.outcome], -_weight(finding)))
    return Diagnosis(verdict=pick(case, findings), findings=tuple(ranked), balance=_sheet(case))


def _with_trials(finding: Finding, compared: Sequence[Finding], denied: Collection[VerdictKind]) -> Finding:
    """A trial that shows retention takes the blame off native code; one that acquits a kind puts a doubt on it."""
    retention = [one for one in compared if one.kind is VerdictKind.GLIBC_RETENTION]
    if finding.kind in _NATIVE and finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN):
        shown = next((one for one in retention if one.outcome is Outcome.FAIL), None)
        if shown is not None:
            return replace(finding, outcome=Outcome.WARN, message=f"{finding.message} But {_lower(shown.message)}")
    return finding.at_most(Confidence.MEDIUM) if finding.kind in denied else finding


def _with_owner(finding: Finding, name: str, trial: Evidence) -> Finding:
    """The finding with the owner that the profile of another run names, where it has none of its own."""
    if finding.owner is not None or finding.kind not in (
        *_NATIVE,
        VerdictKind.DIRECT_BUFFERS,
        VerdictKind.UNSAFE_MEMORY,
    ):
        return finding
    is_native = finding.kind in _NATIVE
    for seen in allocations(trial):
        asker = main_asker(seen.native if is_native else seen.by_java)
        if asker is not None and asker.owner is not None:
            message = f"{finding.message} In the run with {name}, {share_of(asker.share)} of it was asked for by {asker.words}."
            return replace(finding, owner=asker.owner, message=message)
    return finding


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _weight(finding: Finding) -> float:
    return finding.growth_bytes_per_hour or 0.0


def _sheet(case: Case) -> Balance | None:
    """The last sample's balance with the growth of each row."""
    if not case.bookings:
        return None
    last = case.bookings[-1]
    return Balance(
        at=last.at,
        limit_bytes=case.evidence.limit_bytes,
        usage_bytes=last.usage_bytes,
        rows=tuple(
            Row(name, value, case.rows[name].slope * 3600 if name in case.rows else None) for name, value in last.rows
        ),
    )


def _nothing_read(evidence: Evidence) -> Verdict:
    reasons = "; ".join(f"{skipped.probe}: {skipped.message or skipped.reason}" for skipped in evidence.skipped[:3])
    missing = reasons or "at least two samples of the running JVM"
    return Verdict(
        kind=VerdictKind.INCONCLUSIVE,
        confidence=Confidence.LOW,
        growth_bytes_per_hour=None,
        seconds_to_limit=None,
        summary="No sample of the JVM was read, so nothing can be said.",
        owner=None,
        recommendation=f"To decide it: {missing}",
        missing=missing,
    )
