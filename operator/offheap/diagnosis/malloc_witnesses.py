"""Who bears witness of memory outside NMT, and what each says of one growth. Each is independent of the others.

A profile of malloc's callers; malloc's own books (malloc_info); the place where it grew (arenas and [heap] are malloc's;
glibc maps single blocks of 128 KiB and more elsewhere, other allocators everything); and the experiments, a collection and
a trim, with what they gave back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from offheap.diagnosis import balance
from offheap.diagnosis.allocations import Allocations
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import Growth
from offheap.evidence.experiment import Experiment
from offheap.evidence.malloc_info import MallocArena, MallocInfo
from offheap.evidence.mappings import MappingClass
from offheap.evidence.sample import Sample

FREE_SHARE = 0.5
"""docs/sources.md, decision tree 13: free part of malloc's arenas. Measured: 0.88 to 0.98 with retention, below 0.05 with
a leak."""
MOST_SHARE = 0.5
"""A witness that accounts for so much of the growth has seen it."""
LITTLE_SHARE = 0.2
"""One that accounts for less than this has seen that it is something else; between both it says nothing. Profiles sample,
and start after the first reading."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """True for yes, False for no, None where nothing was heard or it does not tell.

    `profiled` and `booked`: malloc took what grew, by its callers and by its books. `kept_free`: what grew is free memory
    that malloc keeps. `in_arenas` is the part of the growth that lies in malloc's arenas and [heap], 0 to 1. `gc` and
    `trim` are bytes that the experiments gave back outside the heap; `total` is the last reading of the books.
    """

    profile: Allocations | None
    profiled: bool | None
    booked: bool | None
    kept_free: bool | None
    in_arenas: float | None
    gc: int | None
    trim: int | None
    total: MallocArena | None

    @property
    def by_malloc(self) -> bool | None:
        votes = [vote for vote in (self.profiled, self.booked) if vote is not None]
        return any(votes) if votes else None


def hear(case: Case, growth: Growth) -> Witnesses:
    """All witnesses on this growth."""
    profile = max(case.allocations, key=lambda each: each.native_bytes, default=None)
    last = next((sample.malloc for sample in reversed(case.samples) if sample.malloc), None)
    return Witnesses(
        profile=profile,
        profiled=None if profile is None else _judge(_profiled_share(case, growth, profile)),
        booked=_judge(_booked_share(case)),
        kept_free=_kept_free(case, growth, None if last is None else last.total),
        in_arenas=_in_arenas(case) if _is_glibc(case) else None,
        gc=_outside_heap(case, _returned(case, lambda sample: sample.gc)),
        trim=_returned(case, lambda sample: sample.trim),
        total=None if last is None else last.total,
    )


def _profiled_share(case: Case, growth: Growth, profile: Allocations) -> float | None:
    """Part of the growth that the profile accounts for, of the time that it looked. None when too little grew meanwhile."""
    expected = growth.rise if profile.seconds is None else growth.slope * profile.seconds
    return profile.native_bytes / expected if expected > case.floor_bytes else None


def _judge(share: float | None) -> bool | None:
    if share is None or LITTLE_SHARE <= share < MOST_SHARE:
        return None
    return share >= MOST_SHARE


def _books(case: Case) -> tuple[tuple[Sample, MallocInfo], tuple[Sample, MallocInfo]] | None:
    """The first and the last reading of malloc's books of the process that was read last."""
    own = [sample for sample in case.samples if sample.incarnation == _incarnation(case)]
    read = [(sample, sample.malloc) for sample in own if sample.malloc]
    return (read[0], read[-1]) if len(read) >= 2 else None


def _booked_share(case: Case) -> float | None:
    """Part of the growth outside NMT that malloc took by its own books: what it took of the kernel, less what the VM asked
    it for."""
    books = _books(case)
    if books is None:
        return None
    (before, first), (after, last) = books
    if before.nmt is None or after.nmt is None:
        return None
    by_vm = after.nmt.allocated_bytes - before.nmt.allocated_bytes
    whole = _native_at(case, after) - _native_at(case, before)
    return max(0, _taken(last) - _taken(first) - by_vm) / whole if whole > case.floor_bytes else None


def _incarnation(case: Case) -> tuple[int, int] | None:
    """The process that was measured last; what a tool took beside the samples may not say whose it is."""
    return case.bookings[-1].incarnation if case.bookings else None


def _taken(info: MallocInfo) -> int:
    return info.total.system_bytes + info.total.mmap_bytes


def _native_at(case: Case, sample: Sample) -> int:
    sheet = next((sheet for sheet in case.bookings if sheet.at == sample.at), None)
    return 0 if sheet is None else sheet.of(balance.OUTSIDE_NMT) or 0


def _kept_free(case: Case, growth: Growth, total: MallocArena | None) -> bool | None:
    """By two readings of the books where they saw the growth, else because there is as much free memory in the last one, or
    nearly none."""
    books = _books(case)
    if books is not None:
        (_, first), (_, last) = books
        grown = _taken(last) - _taken(first)
        if grown >= MOST_SHARE * growth.rise:
            return last.total.free_bytes - first.total.free_bytes >= FREE_SHARE * grown
    if total is None:
        return None
    if total.free_share >= FREE_SHARE and total.free_bytes >= MOST_SHARE * growth.rise:
        return True
    return False if total.free_bytes < LITTLE_SHARE * growth.rise else None


def _in_arenas(case: Case) -> float | None:
    sheets = [sample.totals for sample in case.samples if sample.totals and sample.incarnation == _incarnation(case)]
    if len(sheets) < 2:
        return None

    def grown(*kinds: MappingClass) -> int:
        return max(0, sum(sheets[-1].of(kind).anonymous_bytes - sheets[0].of(kind).anonymous_bytes for kind in kinds))

    arenas, other = grown(MappingClass.ARENAS, MappingClass.BRK_HEAP), grown(MappingClass.OTHER_ANON)
    return arenas / (arenas + other) if arenas + other else None


def _is_glibc(case: Case) -> bool:
    """Only glibc's malloc shows its place; other allocators map everything."""
    return case.evidence.jvm is None or case.evidence.jvm.allocator in ("glibc", "unknown", "")


def _returned(case: Case, experiment: Callable[[Sample], Experiment | None]) -> int | None:
    done = next((found for sample in reversed(case.samples) if (found := experiment(sample))), None)
    return None if done is None else done.returned_bytes


def _outside_heap(case: Case, returned: int | None) -> int | None:
    """What a collection gave back for certain outside the heap: the heap itself may have shrunk by all it held."""
    if returned is None or not case.bookings:
        return None
    return max(0, returned - (case.bookings[-1].of(balance.JAVA_HEAP) or 0))
