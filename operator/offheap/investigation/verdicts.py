"""The diagnosis and the evidence behind it, as the status shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from offheap import diagnosis as diagnosed
from offheap.api.duration import format_duration
from offheap.api.quantity import format_bytes
from offheap.api.v1alpha1 import Balance, BalanceRow, FindingStatus, ProbeStatus, Status, VerdictStatus
from offheap.api.words import ProbeState
from offheap.evidence.stream import EvidenceRecord, Stream
from offheap.probes import PROBES

MOST_FINDINGS = 32


def with_diagnosis(status: Status, diagnosis: diagnosed.Diagnosis) -> Status:
    """The verdict, the findings and the balance sheet."""
    return status.model_copy(
        update={
            "verdict": _verdict(diagnosis.verdict),
            "findings": tuple(_finding(f) for f in diagnosis.findings[:MOST_FINDINGS]),
            "balance": None if diagnosis.balance is None else _balance(diagnosis.balance),
        }
    )


def _verdict(verdict: diagnosed.Verdict) -> VerdictStatus:
    left = verdict.seconds_to_limit
    return VerdictStatus(
        kind=verdict.kind,
        confidence=verdict.confidence,
        growth_per_hour=_rate(verdict.growth_bytes_per_hour),
        time_to_limit=None if left is None else format_duration(max(0.0, left)),
        summary=verdict.summary,
        owner=verdict.owner,
        recommendation=verdict.recommendation,
        missing=verdict.missing,
    )


def _finding(finding: diagnosed.Finding) -> FindingStatus:
    return FindingStatus(
        kind=finding.kind,
        outcome=finding.outcome,
        confidence=finding.confidence,
        growth_per_hour=_rate(finding.growth_bytes_per_hour),
        message=finding.message,
        recommendation=finding.recommendation,
        evidence=tuple(finding.evidence[:16]),
    )


def _balance(balance: diagnosed.Balance) -> Balance:
    rows = tuple(
        BalanceRow(name=row.name, bytes=row.bytes, growth_per_hour=_rate(row.growth_bytes_per_hour))
        for row in balance.rows
    )
    return Balance(
        at=datetime.fromtimestamp(balance.at, UTC),
        limit=None if balance.limit_bytes is None else format_bytes(balance.limit_bytes),
        usage=format_bytes(balance.usage_bytes),
        unexplained=format_bytes(balance.rows[-1].bytes) if balance.rows else None,
        rows=rows,
    )


def _rate(bytes_per_hour: float | None) -> str | None:
    return None if bytes_per_hour is None else format_bytes(round(bytes_per_hour))


def probe_outcomes(streams: Sequence[Stream]) -> tuple[ProbeStatus, ...]:
    """What each probe yielded over all collectors, and what it cost."""
    peak = max((s.end.peak_pss_bytes for s in streams if s.end is not None), default=0)
    records = [r for s in streams for r in s.evidence]
    found = []
    for probe in PROBES:
        taken = [r for r in records if r.probe == probe.name]
        skipped = next((k for s in streams for k in s.skipped if k.probe == probe.name), None)
        if not taken and skipped is None:
            continue
        state: ProbeState = "Done" if taken else "Skipped"
        found.append(
            ProbeStatus(
                name=probe.name,
                level=probe.level,
                state=state,
                reason=None if skipped is None else skipped.reason,
                message=None if skipped is None else skipped.message,
                samples=_instants(taken) or None,
                target_memory_peak=format_bytes(peak) if peak else None,
                pause=_longest_pause(taken),
            )
        )
    return tuple(found)


def _instants(records: Sequence[EvidenceRecord]) -> int:
    return len({r.sample for r in records if r.sample is not None}) or len(records)


def _longest_pause(records: Sequence[EvidenceRecord]) -> str | None:
    longest = max((r.pause_seconds for r in records), default=0.0)
    return format_duration(longest) if longest > 0 else None
