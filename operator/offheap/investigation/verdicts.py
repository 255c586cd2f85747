"""The diagnosis and the evidence behind it, as the status shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from offheap import diagnosis as diagnosed
from offheap.api.duration import format_duration
from offheap.api.quantity import format_bytes
from offheap.api.v1alpha1 import (
    Balance,
    BalanceRow,
    FindingStatus,
    ProbeStatus,
    StageStatus,
    Status,
    VerdictStatus,
)
from offheap.api.words import ProbeState
from offheap.evidence.stream import Blob, EvidenceRecord, Stream
from offheap.probes import PROBES
from offheap.probes.choice import ALLOCATORS
from offheap.probes.probe import Probe

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
    records = [r for s in streams for r in s.evidence]
    blobs = [b for s in streams for b in s.blobs]
    return tuple(
        outcome
        for probe in PROBES
        if (outcome := _outcome(probe, streams, [r for r in records if r.probe == probe.name], blobs)) is not None
    )


def _outcome(
    probe: Probe, streams: Sequence[Stream], taken: Sequence[EvidenceRecord], blobs: Sequence[Blob]
) -> ProbeStatus | None:
    if probe.derived_from is not None:
        taken = [r for s in streams for r in s.evidence if f"{r.probe}/{r.name}" == probe.derived_from]
        if _instants(taken) < 2:
            return _too_few(probe) if taken else None
    skipped = next((k for s in streams for k in s.skipped if k.probe == probe.name), None)
    if not taken and skipped is None and not any(blob.probe == probe.name for blob in blobs):
        return None
    peak = max((r.peak_pss_bytes for r in taken), default=0)
    sent = sum(size for s in streams for name, size in s.sent if name == probe.name)
    state: ProbeState = "Skipped" if not taken and skipped is not None else "Done"
    return ProbeStatus(
        name=probe.name,
        level=probe.level,
        state=state,
        reason=None if skipped is None else skipped.reason,
        message=None if skipped is None else skipped.message,
        samples=_instants(taken) or None,
        target_memory_peak=format_bytes(peak) if peak else None,
        pause=_longest_pause(taken),
        sent=format_bytes(sent) if sent else None,
    )


def _too_few(probe: Probe) -> ProbeStatus:
    message = (
        f"{probe.name} compares readings of {probe.derived_from}, and there is one only: a longer sampling.duration."
    )
    return ProbeStatus(name=probe.name, level=probe.level, state="Skipped", reason="TooFewSamples", message=message)


def stage_outcomes(stages: Sequence[StageStatus]) -> tuple[ProbeStatus, ...]:
    """What became of each trial, and of an allocator that could not be brought."""
    found = []
    for stage in stages:
        allocator = ALLOCATORS.get(stage.name)
        if stage.name == "Baseline" or (allocator is not None and stage.state != "Skipped"):
            continue
        found.append(
            ProbeStatus(
                name=allocator or "trial",
                level="Restart",
                state="Skipped" if stage.state == "Skipped" else "Done",
                reason=stage.reason,
                message=stage.message
                if allocator
                else f"{stage.name}: {stage.message or 'compared with the baseline.'}",
            )
        )
    return tuple(found)


def _instants(records: Sequence[EvidenceRecord]) -> int:
    return len({r.sample for r in records if r.sample is not None}) or len(records)


def _longest_pause(records: Sequence[EvidenceRecord]) -> str | None:
    longest = max((r.pause_seconds for r in records), default=0.0)
    return format_duration(longest) if longest > 0 else None
