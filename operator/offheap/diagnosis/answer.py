"""The records of an answer, as they go into a resource's status."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the balance sheet. Growth is None where it could not be measured."""

    name: str
    bytes: int
    growth_bytes_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """Every byte of `usage_bytes` booked once, at one moment (unix seconds). The last row is `unexplained`, which may
    be negative: the kernel's counters and the process are not read in the same instant."""

    at: float
    limit_bytes: int | None
    usage_bytes: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement. `evidence` holds ids like `nmt/summary.diff@12`. `share` is the part of the growth outside the
    heap that it explains, 0 to 1."""

    kind: VerdictKind
    outcome: Outcome
    confidence: Confidence
    growth_bytes_per_hour: float | None
    message: str
    recommendation: str
    evidence: tuple[str, ...] = ()
    owner: str | None = None
    share: float = 0.0

    def at_most(self, confidence: Confidence) -> Finding:
        """The same with no more confidence than this."""
        order = list(Confidence)
        return replace(self, confidence=max(self.confidence, confidence, key=order.index))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The leading finding. `missing` is set for Inconclusive only: the one level or setting that would decide."""

    kind: VerdictKind
    confidence: Confidence
    growth_bytes_per_hour: float | None
    seconds_to_limit: float | None
    summary: str
    owner: str | None
    recommendation: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    verdict: Verdict
    findings: tuple[Finding, ...]
    balance: Balance | None
