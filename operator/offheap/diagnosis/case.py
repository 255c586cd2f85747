"""What the rules look at: the sheets, the growth of every row, and of the counts that bear witness.

Shares are parts of the growth outside the heap: a heap that grows to its maximum is normal and must not hide a leak
beside it. The compiler's arenas are left out of the whole too, for they swing by megabytes with compilation
(measured: up to 12 MiB while a JVM starts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from offheap.diagnosis import balance
from offheap.diagnosis.allocations import Allocations, allocations
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.balance import Booking
from offheap.diagnosis.growth import Growth, Point, measure
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind, confidence_of
from offheap.evidence.buffer_pools import BufferPool
from offheap.evidence.bundle import Evidence, Sample
from offheap.evidence.mappings import MappingClass

FLOOR_BYTES = 2 << 20
FLOOR_LIMIT_SHARE = 0.005
"""Noise floor: the larger of both. Measured: the rows of a healthy JVM after warm-up rise by less than 0.5 MiB, and do not
go on; the field's thresholds (16 MiB, 3 % of the limit) are for runs of half an hour, these for a minute."""
COMPILER_FLOOR_BYTES = 64 << 20
"""Ordinary compilation swings by up to 12 MiB (docs/sources.md, decision tree 8)."""
MAIN_SHARE = 0.5
"""A leak's main row explains at least half of the growth outside the heap (docs/sources.md, decision tree)."""

DOUBT_LEFT = 0.5
"""Of the doubt in a finding, after an independent measure said the same. A proposal: two raise the least Medium to High."""
_NOT_OFF_HEAP = frozenset({balance.JAVA_HEAP, balance.PAGE_CACHE, balance.SIDE_PROCESSES, balance.UNEXPLAINED})
"""Not the JVM's memory outside its heap: another process that grows hides no leak of the JVM, nor the other way round."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A row that rose by more than noise and enough of the whole. `confirmed`: it goes on growing."""

    growth: Growth
    share: float
    confirmed: bool
    confidence: Confidence

    def finding(
        self,
        kind: VerdictKind,
        message: str,
        recommendation: str,
        evidence: Sequence[str] = (),
        owner: str | None = None,
    ) -> Finding:
        """The finding of this suspicion: a leak when confirmed, else a warning that says so."""
        doubt = "" if self.confirmed else " It is not shown to go on: it stopped, fades, or was read too few times."
        return Finding(
            kind=kind,
            outcome=Outcome.FAIL if self.confirmed else Outcome.WARN,
            confidence=self.confidence,
            growth_bytes_per_hour=self.growth.slope * 3600,
            message=message + doubt,
            recommendation=recommendation,
            evidence=tuple(evidence),
            owner=owner,
            share=self.share,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """All that a rule may ask. Growth is None where there are fewer than two readings."""

    evidence: Evidence
    bookings: tuple[Booking, ...]
    floor_bytes: float
    rows: Mapping[str, Growth]
    categories: Mapping[str, Growth]
    """Growth of each NMT category's committed bytes."""
    thread_count: Growth | None
    class_count: Growth | None
    native: Growth | None
    """Memory outside NMT and the compilers' arenas together: freed arenas stay with glibc, so each alone swings by tens
    of megabytes against the other while code is compiled (measured), and only their sum tells."""
    anonymous: Growth | None
    """Resident anonymous memory of the JVM without its heap."""
    foreign: Growth | None
    """Anonymous memory of the container that is not the JVM's."""
    off_heap_rise: float
    """What the rows outside the heap gained together, losses not counted: the whole of which shares are parts."""

    sustained_rise: float
    """The part of it that goes on: what a leak is measured against. Steps beside a leak (a collection that touches its
    bitmaps for the first time: 7 MiB measured) must not hide it."""
    direct_pool: Growth | None
    """Direct buffers by the JVM's own count."""
    mapped_pool: Growth | None
    """Mapped buffers by the JVM's own count: address space, touched or not."""
    netty: Growth | None
    """Buffers without cleaner by Netty's own counters, all copies of it together."""
    allocations: tuple[Allocations, ...]
    """What the profilers of native memory saw, those with Java frames first."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.evidence.samples

    @property
    def last(self) -> Sample:
        return self.samples[-1]

    @property
    def has_nmt(self) -> bool:
        return any(sample.nmt for sample in self.samples)

    @property
    def sees_process(self) -> bool:
        """Resident memory of the process was read, so that growth outside NMT would show."""
        return self.anonymous is not None

    def categories_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these NMT categories that this JVM prints; all of them where NMT was not read."""
        return tuple(name for name in names if name in self.categories) or tuple(names)

    def share(self, growth: Growth) -> float:
        """The part of the growth outside the heap that this series explains, 0 to 1."""
        whole = self.sustained_rise if growth.sustained else self.off_heap_rise
        return min(1.0, growth.rise / whole) if whole > 0 else 0.0

    def rise(self, *rows: str) -> float:
        """What these rows gained together, losses not counted."""
        return sum(max(0.0, self.rows[row].rise) for row in rows if row in self.rows)

    def suspect(
        self,
        growth: Growth | None,
        *,
        share: float = MAIN_SHARE,
        follows: Sequence[str] = (),
        witnesses: Sequence[bool | None] = (),
        confirmations: Sequence[bool | None] = (),
        floor_bytes: float | None = None,
    ) -> Suspicion | None:
        """A suspicion when the growth exceeds the floor and this share of the whole.

        `follows` are rows that such a leak takes along: they count as explained. `witnesses` are independent signs,
        None where they were not read; `confirmations` are those that measured the very same thing another way. Confidence
        is explained share × the part of all that agree, the row itself counted as one; then each confirmation that agrees
        halves what doubt is left.
        """
        floor = self.floor_bytes if floor_bytes is None else floor_bytes
        if growth is None or not growth.exceeds(floor) or self.share(growth) < share:
            return None
        explained = min(1.0, (growth.rise + self.rise(*follows)) / max(self.off_heap_rise, growth.rise))
        heard = [True, *(witness for witness in (*witnesses, *confirmations) if witness is not None)]
        confirmed = growth.grows(floor)
        score = explained * sum(heard) / len(heard)
        score = 1 - (1 - score) * DOUBT_LEFT ** sum(1 for each in confirmations if each)
        return Suspicion(
            growth=growth,
            share=self.share(growth),
            confirmed=confirmed,
            confidence=confidence_of(score) if confirmed else Confidence.LOW,
        )

    def is_resident(self, growth: Growth) -> bool | None:
        """Whether the process's anonymous memory rose by most of what the row says: a witness that bytes are real."""
        return None if self.anonymous is None else self.anonymous.rise >= 0.6 * growth.rise

    def sources(self, *prefixes: str) -> tuple[str, ...]:
        """Ids of the last evidence of each kind."""
        found = (
            next((source for sample in reversed(self.samples) if (source := sample.source(prefix))), None)
            for prefix in prefixes
        )
        return tuple(source for source in found if source)


def ordered(evidence: Evidence) -> Evidence:
    """The evidence with its samples in the order of time, those of a dead process left out.

    A process that ended while it was sampled leaves a status without memory; its zeros are no measurement.
    """
    living = [sample for sample in evidence.samples if sample.status is None or sample.status.rss_bytes > 0]
    return replace(evidence, samples=tuple(sorted(living, key=lambda each: (each.at, each.incarnation, each.index))))


def open_case(evidence: Evidence) -> Case:
    """Book every sample and measure every series. `evidence.samples` must be in the order of time and not empty."""
    bookings = balance.book_all(evidence.samples, evidence.others)
    names = dict.fromkeys(row for booking in bookings for row, _ in booking.rows)
    rows = _measured({name: [Point(b.at, b.of(name) or 0, b.incarnation) for b in bookings] for name in names})
    gaining = [growth for name, growth in rows.items() if growth.rise > 0 and _counts(name, growth)]
    reports = [(sample, sample.nmt) for sample in evidence.samples if sample.nmt]
    categories = dict.fromkeys(category.name for _, report in reports for category in report.categories)
    return Case(
        evidence=evidence,
        bookings=bookings,
        floor_bytes=max(FLOOR_BYTES, FLOOR_LIMIT_SHARE * (evidence.limit_bytes or 0)),
        rows=rows,
        categories=_measured(
            {
                name: [Point(sample.at, report.committed_bytes(name), sample.incarnation) for sample, report in reports]
                for name in categories
            }
        ),
        thread_count=_series(evidence.samples, _threads_of),
        class_count=_series(evidence.samples, lambda sample: sample.nmt.classes if sample.nmt else None),
        native=measure([Point(sheet.at, _native_bytes(sheet), sheet.incarnation) for sheet in bookings]),
        anonymous=_series(evidence.samples, _off_heap_anonymous_bytes),
        foreign=_series(evidence.samples, _foreign_bytes),
        off_heap_rise=sum(growth.rise for growth in gaining),
        sustained_rise=sum(growth.rise for growth in gaining if growth.sustained),
        direct_pool=_series(evidence.samples, lambda sample: _used(sample.pools.direct if sample.pools else None)),
        mapped_pool=_series(evidence.samples, lambda sample: _used(sample.pools.mapped if sample.pools else None)),
        netty=_series(evidence.samples, lambda sample: sample.pools.netty_bytes if sample.pools else None),
        allocations=allocations(evidence),
    )


def _measured(series: Mapping[str, list[Point]]) -> dict[str, Growth]:
    return {name: growth for name, points in series.items() if (growth := measure(points)) is not None}


def _series(samples: Sequence[Sample], value: Callable[[Sample], int | None]) -> Growth | None:
    points = [(sample, value(sample)) for sample in samples]
    return measure([Point(sample.at, known, sample.incarnation) for sample, known in points if known is not None])


def _used(pool: BufferPool | None) -> int | None:
    return pool.used_bytes if pool else None


def _threads_of(sample: Sample) -> int | None:
    if sample.status:
        return sample.status.threads
    return sample.nmt.threads if sample.nmt else None


def _counts(row: str, growth: Growth) -> bool:
    if row == balance.COMPILER:
        return growth.exceeds(COMPILER_FLOOR_BYTES)
    return row not in _NOT_OFF_HEAP


def _native_bytes(sheet: Booking) -> int:
    return (sheet.of(balance.OUTSIDE_NMT) or 0) + (sheet.of(balance.COMPILER) or 0)


def _off_heap_anonymous_bytes(sample: Sample) -> int | None:
    whole = balance.anonymous_bytes(sample)
    if whole is None or sample.totals is None:
        return whole
    return whole - sample.totals.of(MappingClass.HEAP).anonymous_bytes


def _foreign_bytes(sample: Sample) -> int | None:
    own = balance.anonymous_bytes(sample)
    return sample.cgroup.anon_bytes - own if sample.cgroup and own is not None else None
