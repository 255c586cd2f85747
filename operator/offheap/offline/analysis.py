"""Files in, answer out: what was read, what is made of it, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from offheap.diagnosis import Diagnosis, Finding, Outcome, VerdictKind, diagnose
from offheap.offline.assemble import Assembled, ReadAs, assemble
from offheap.offline.facts import facts, to_collect
from offheap.offline.pieces import Refused, Source

_RATE = re.compile(r",? (?:at )?-?\d+(?:\.\d+)? [KM]iB an hour")
_UNTIL_LIMIT = re.compile(r" At this rate the limit is reached in [^.]*(?:\.\d[^.]*)?\.")
_UNKNOWN_TIMES = (
    "The times of the texts are not known, only their order: how fast it grows, and until when, cannot be said. "
    "Put a line of `date` before each text, or a time into the files' names."
)
_COMMITTED_ONLY = (
    "The balance is of what NMT says is committed: what is resident, and what NMT does not see, needs smaps, pmap -x or "
    "/proc/PID/status."
)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The answer. `facts` are what single texts say by themselves, `to_collect` what would decide an open case."""

    diagnosis: Diagnosis
    facts: tuple[str, ...]
    to_collect: tuple[str, ...]
    notes: tuple[str, ...]
    read: tuple[ReadAs, ...]
    refused: tuple[Refused, ...]

    @property
    def is_decided(self) -> bool:
        return self.diagnosis.verdict.kind is not VerdictKind.INCONCLUSIVE

    @property
    def suspicion(self) -> VerdictKind | None:
        """What is suspected where nothing is decided: the first finding that is no acquittal."""
        open_findings = [finding.kind for finding in self.diagnosis.findings if finding.outcome is not Outcome.PASS]
        return None if self.is_decided else next(iter(open_findings), None)


def analyze(sources: Iterable[Source]) -> Analysis:
    """The same diagnosis as of an investigation. Never raises; the order of the sources does not matter."""
    found = assemble(sources)
    diagnosis = diagnose(found.compared.evidence)
    if found.compared.fullest and found.compared.evidence.samples != found.evidence.samples:
        # What is compared may be less than what one moment tells: the balance is of the moment that tells most.
        single = diagnose(replace(found.evidence, samples=found.compared.fullest)).balance
        diagnosis = replace(diagnosis, balance=single or diagnosis.balance)
    moments = sum(1 for sample in found.compared.evidence.samples if sample.nmt or sample.totals or sample.status)
    notes = found.compared.notes
    last = found.compared.fullest[0] if found.compared.fullest else None
    if last is not None and last.nmt and not (last.totals or last.rollup or last.status or last.cgroup):
        notes = (*notes, _COMMITTED_ONLY)
    if not found.knows_times:
        diagnosis = _without_rates(diagnosis)
        notes = (*notes, _UNKNOWN_TIMES) if moments > 1 else notes
    is_open = diagnosis.verdict.kind is VerdictKind.INCONCLUSIVE
    return Analysis(
        diagnosis=_with_files(diagnosis, found),
        facts=facts(found.evidence, found.kill),
        to_collect=to_collect(found.compared.evidence) if is_open else (),
        notes=notes,
        read=found.read,
        refused=found.refused,
    )


def _with_files(diagnosis: Diagnosis, found: Assembled) -> Diagnosis:
    """Evidence by the files it is from."""

    def named(finding: Finding) -> Finding:
        return replace(finding, evidence=tuple(found.files.get(each, each) for each in finding.evidence))

    return replace(diagnosis, findings=tuple(named(finding) for finding in diagnosis.findings))


def _without_rates(diagnosis: Diagnosis) -> Diagnosis:
    """Without what needs times. How much it grew stays."""
    verdict = replace(
        diagnosis.verdict,
        growth_bytes_per_hour=None,
        seconds_to_limit=None,
        summary=_timeless(diagnosis.verdict.summary),
    )
    findings = tuple(
        replace(finding, growth_bytes_per_hour=None, message=_timeless(finding.message))
        for finding in diagnosis.findings
    )
    balance = diagnosis.balance
    if balance is not None:
        balance = replace(balance, rows=tuple(replace(row, growth_bytes_per_hour=None) for row in balance.rows))
    return Diagnosis(verdict, findings, balance)


def _timeless(text: str) -> str:
    return _RATE.sub("", _UNTIL_LIMIT.sub("", text))
