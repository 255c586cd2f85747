"""Evidence in, diagnosis out: pure, and the same for a cluster's investigation and for files collected by hand."""

from __future__ import annotations

from dataclasses import replace

from offheap.diagnosis.answer import Balance, Diagnosis, Finding, Row, Verdict
from offheap.diagnosis.case import Case, open_case
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.rules import RULES
from offheap.diagnosis.verdict import pick
from offheap.evidence.bundle import Evidence, Sample

_ORDER = {Outcome.FAIL: 0, Outcome.UNKNOWN: 1, Outcome.WARN: 2, Outcome.PASS: 3}


def diagnose(evidence: Evidence) -> Diagnosis:
    """What leaks, how fast, how sure. Never raises; the order of `evidence.samples` does not matter."""
    living = [sample for sample in evidence.samples if _lives(sample)]
    if not living:
        return Diagnosis(verdict=_nothing_read(evidence), findings=(), balance=None)
    ordered = sorted(living, key=lambda sample: (sample.at, sample.incarnation, sample.index))
    case = open_case(replace(evidence, samples=tuple(ordered)))
    findings = [finding for rule in RULES if (finding := rule(case)) is not None]
    ranked = sorted(findings, key=lambda finding: (_ORDER[finding.outcome], -_weight(finding)))
    return Diagnosis(verdict=pick(case, findings), findings=tuple(ranked), balance=_sheet(case))


def _lives(sample: Sample) -> bool:
    """A process that ended while it was sampled leaves a status without memory; its zeros are no measurement."""
    return sample.status is None or sample.status.rss_bytes > 0


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
