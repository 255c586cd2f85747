"""The moments that can be compared with each other, of an evidence whose moments have different texts.

A series in which one moment has smaps and the next has not would show growth where only the measure changed. So one set of
texts is chosen that at least two moments have, the richest one; of the other moments nothing is booked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from offheap.diagnosis.growth import MIN_SAMPLES
from offheap.evidence.mappings import MappingClass
from offheap.evidence.sample import Evidence, Sample
from offheap.evidence.smaps import Rollup


@dataclass(frozen=True, slots=True)
class Compared:
    """`evidence` has comparable moments only, `fullest` is the moment that tells most, for a balance; `notes` say what was
    left out."""

    evidence: Evidence
    fullest: tuple[Sample, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    words: str
    fits: Callable[[Sample], bool]
    nmt: bool
    mappings: bool
    process: bool


def _has_nmt(sample: Sample) -> bool:
    return sample.nmt is not None


def _has_mappings(sample: Sample) -> bool:
    return sample.totals is not None


def _has_process(sample: Sample) -> bool:
    return sample.totals is not None or sample.rollup is not None or sample.status is not None


_CHOICES = (
    _Choice(
        "NMT with smaps or pmap", lambda s: _has_nmt(s) and _has_mappings(s), nmt=True, mappings=True, process=True
    ),
    _Choice(
        "NMT with the process's memory",
        lambda s: _has_nmt(s) and _has_process(s),
        nmt=True,
        mappings=False,
        process=True,
    ),
    _Choice("smaps or pmap", _has_mappings, nmt=False, mappings=True, process=True),
    _Choice("NMT", _has_nmt, nmt=True, mappings=False, process=False),
    _Choice("the process's memory", _has_process, nmt=False, mappings=False, process=True),
)
"""The richest first."""


def comparable(evidence: Evidence) -> Compared:
    """See the module. Evidence of a single moment, or whose moments all have the same, is left as it is."""
    samples = tuple(_with_known_heap(sample) for sample in evidence.samples)
    measured = [sample for sample in samples if _has_nmt(sample) or _has_process(sample)]
    fullest = max(measured, key=lambda s: (_has_nmt(s) + _has_process(s), _has_mappings(s), s.at), default=None)
    lead = () if fullest is None else (fullest,)
    counts = [(choice, sum(choice.fits(sample) for sample in samples)) for choice in _CHOICES]
    chosen = next((each for each in counts if each[1] >= MIN_SAMPLES), None)
    chosen = chosen or next((each for each in counts if each[1] >= 2), None)
    if chosen is None:
        return Compared(replace(evidence, samples=samples), lead, ())
    choice, count = chosen
    kept = tuple(_reduced(sample, choice) for sample in samples)
    if kept == samples:
        return Compared(replace(evidence, samples=samples), lead, ())
    note = f"{count} of {len(measured)} moments can be compared, by {choice.words}; what the others have besides is not compared."
    return Compared(replace(evidence, samples=kept), lead, (note,))


def _reduced(sample: Sample, choice: _Choice) -> Sample:
    fits = choice.fits(sample)
    if not (fits and choice.nmt):
        sample = replace(sample, nmt=None)
    if not (fits and choice.mappings):
        has_rollup = fits and choice.process and sample.totals is not None
        rollup = _rollup_of(sample) if has_rollup else sample.rollup
        sample = replace(sample, totals=None, mappings=(), regions=(), file_rss=(), rollup=rollup)
    if not (fits and choice.process):
        sample = replace(sample, status=None, rollup=None, descriptors=None, cgroup=None)
    return sample


def _with_known_heap(sample: Sample) -> Sample:
    """Mappings in which the heap cannot be found (none of its bounds is told) would book it as native memory. Only their sum
    is used then, and NMT's word for the heap."""
    if sample.nmt is None or sample.totals is None or sample.totals.of(MappingClass.HEAP).count:
        return sample
    if not sample.nmt.committed_bytes("Java Heap"):
        return sample
    return replace(sample, totals=None, mappings=(), regions=(), file_rss=(), rollup=_rollup_of(sample))


def _rollup_of(sample: Sample) -> Rollup | None:
    if sample.totals is None:
        return sample.rollup
    by_class = [total for _, total in sample.totals.by_class]
    return Rollup(
        rss_bytes=sum(total.rss_bytes for total in by_class),
        pss_bytes=sum(total.pss_bytes for total in by_class),
        private_dirty_bytes=0,
        anonymous_bytes=sample.totals.anonymous_bytes,
        swap_bytes=sum(total.swap_bytes for total in by_class),
    )
