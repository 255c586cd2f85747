"""What memory that NMT does not see is: taken by malloc, mapped by native code, kept by glibc, or garbage that waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from offheap.diagnosis import balance
from offheap.diagnosis.allocations import main_asker
from offheap.diagnosis.case import Case, Suspicion
from offheap.diagnosis.content_guess import agrees
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.malloc_witnesses import Witnesses, hear
from offheap.diagnosis.words import size

RETURNED_SHARE = 0.3
"""docs/sources.md, decision tree 13: a trim that returns so much of what is unexplained shows retention. Measured: 0.85 of
it with retention, below 0.05 with a leak."""
RETURNED_OF_GROWTH = 0.5
"""And so much of the growth: what glibc keeps of the JVM's own compilations (14 MiB measured) must not excuse a leak."""
ARENA_SHARE = 0.6
"""So much of the growth in malloc's arenas and [heap] makes it malloc's, where no better witness was heard."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A suspicion on memory outside NMT, of which kind it is, and who says so."""

    suspicion: Suspicion
    kind: VerdictKind
    witnesses: Witnesses

    @property
    def where(self) -> str:
        """The place, in words that continue a sentence; empty when it is not known."""
        if self.witnesses.in_arenas is None:
            return ""
        if self.witnesses.in_arenas >= ARENA_SHARE:
            return ", in glibc's malloc arenas"
        return ", in mappings outside glibc's arenas (large malloc, or mmap)"

    @property
    def says(self) -> str:
        """What the witnesses said, a sentence each."""
        return " ".join(_sayings(self.witnesses))


def outside(case: Case) -> Outside | None:
    """None when memory outside NMT does not grow by enough, or when, without NMT, no witness tells it from the JVM's own."""
    growth = _growth(case)
    if growth is None:
        return None
    witnesses = hear(case, growth)
    kind = _kind(case, growth, witnesses)
    if not case.has_nmt and not _tells_without_nmt(kind, witnesses):
        return None
    confirmations = _confirmations(kind, witnesses)
    if kind is VerdictKind.NATIVE_MALLOC and witnesses.profile and witnesses.profiled:
        confirmations.append(agrees(case, main_asker(witnesses.profile.native)))
    suspicion = case.suspect(growth, witnesses=[case.is_resident(growth)], confirmations=confirmations)
    return None if suspicion is None else Outside(suspicion, kind, witnesses)


def returned_enough(returned_bytes: int | None, whole_bytes: float, growth: Growth) -> bool:
    """Whether an experiment gave back so much that it explains the growth. `whole_bytes` is all that is unexplained."""
    if returned_bytes is None:
        return False
    unexplained = max(whole_bytes, growth.rise)
    return returned_bytes >= RETURNED_SHARE * unexplained and returned_bytes >= RETURNED_OF_GROWTH * growth.rise


def _growth(case: Case) -> Growth | None:
    """With NMT the weaker of both series (see `Case.native`), without it the larger of malloc's row and the rest."""
    if case.has_nmt:
        row = case.rows.get(balance.OUTSIDE_NMT)
        if row is None or case.native is None:
            return None
        return min(row, case.native, key=lambda growth: (growth.sustained, growth.rise))
    rows = [case.rows[row] for row in (balance.MALLOC, balance.OTHER_ANONYMOUS) if row in case.rows]
    return max(rows, key=lambda growth: growth.rise, default=None)


def _kind(case: Case, growth: Growth, heard: Witnesses) -> VerdictKind:
    """docs/sources.md, decision tree 12 to 15, in its order."""
    rows = (balance.OUTSIDE_NMT,) if case.has_nmt else (balance.MALLOC, balance.OTHER_ANONYMOUS)
    whole = sum(case.bookings[-1].of(row) or 0 for row in rows)
    if heard.gc is not None:
        # What the trim returned was freed by the collection before it, where it is known to have been in use until then.
        was_in_use = heard.kept_free is False or (heard.kept_free is None and heard.profiled is True)
        freed = heard.gc + (heard.trim or 0) if was_in_use else heard.gc
        if returned_enough(freed, whole, growth):
            return VerdictKind.AWAITING_GC
    if heard.kept_free or (heard.kept_free is None and returned_enough(heard.trim, whole, growth)):
        return VerdictKind.GLIBC_RETENTION
    by_malloc = heard.by_malloc
    if by_malloc is None:
        by_malloc = heard.in_arenas is None or heard.in_arenas >= ARENA_SHARE
    return VerdictKind.NATIVE_MALLOC if by_malloc else VerdictKind.NATIVE_MMAP


def _tells_without_nmt(kind: VerdictKind, heard: Witnesses) -> bool:
    """Without NMT the growth may be the JVM's own, unless malloc's callers or the experiments say what it is."""
    return kind in (VerdictKind.AWAITING_GC, VerdictKind.GLIBC_RETENTION) or (
        kind is VerdictKind.NATIVE_MALLOC and heard.profiled is True
    )


def _confirmations(kind: VerdictKind, heard: Witnesses) -> list[bool | None]:
    """What each independent witness says to this kind."""
    match kind:
        case VerdictKind.NATIVE_MALLOC:
            return [heard.profiled, heard.booked, _not(heard.kept_free)]
        case VerdictKind.NATIVE_MMAP:
            outside_arenas = None if heard.in_arenas is None else heard.in_arenas < ARENA_SHARE
            return [_not(heard.profiled), _not(heard.booked), outside_arenas]
        case VerdictKind.GLIBC_RETENTION:
            return [heard.kept_free, None if heard.trim is None else heard.trim > 0]
    return [True]


def _not(vote: bool | None) -> bool | None:  # noqa: FBT001 - a vote, not a switch
    return None if vote is None else not vote


def _sayings(heard: Witnesses) -> Iterator[str]:
    if heard.profile is not None:
        yield f"By the profile ({heard.profile.probe}) native code holds {size(heard.profile.native_bytes)} of malloc's memory."
    if heard.total is not None:
        free, held = size(heard.total.free_bytes), size(heard.total.system_bytes)
        yield f"By malloc's own books {free} of the {held} in its arenas are free."
    if heard.gc is not None:
        yield f"A collection gave back {size(heard.gc)} outside the heap for certain."
    if heard.trim is not None:
        yield f"A trim gave back {size(heard.trim)}{' after it' if heard.gc is not None else ''}."
