"""Which texts were taken together: pieces by the moments of a series.

Where times are known, what lies close together is one moment. Where only the order is known, the last text of each kind belongs
to the last moment, the one before it to the moment before; such moments are set a minute apart, and rates are not to be told.
The order in which files were named does not matter: what the texts and the files' names tell does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from offheap.offline.pieces import Clock, Piece

STEP_SECONDS = 60.0
"""Between moments whose times are not known."""
_TOGETHER_SECONDS = 30.0
"""A person, or a loop in a shell, takes the texts of one moment within this time."""
_SINGLE_TOGETHER_SECONDS = 600.0
"""Where no kind comes twice, there is no series: all within this time is one moment."""
LEAST_STEP_SECONDS = 1.0
"""Files copied without their times get times of the copy, which lie closer together than any series."""


@dataclass(slots=True)
class Moment:
    """What was taken together. `at` is unix seconds; `is_timed` is False where the time was made up."""

    at: float
    is_timed: bool
    pieces: dict[str, Piece] = field(default_factory=dict)
    """By slot."""


def moments_of(pieces: Sequence[tuple[str, Piece]]) -> tuple[list[Moment], list[Piece]]:
    """The moments in the order of time, and the pieces that have no place among them. Each piece comes with its slot: a moment
    has one piece of each."""
    timed, untimed = _parted(pieces)
    moments = _clustered(timed)
    places: dict[str, list[Piece]] = {}
    for slot, piece in sorted(untimed, key=lambda each: (each[0], _order(each[1]))):
        places.setdefault(slot, []).append(piece)
    most = max((len(each) for each in places.values()), default=0)
    last = max((piece.at for _, piece in untimed), default=0.0)
    is_known = bool(moments)
    homeless: list[Piece] = []
    while len(moments) < most:
        at = moments[0].at - STEP_SECONDS if moments else last
        moments.insert(0, Moment(at, is_timed=False))
    for slot, each in places.items():
        for piece, moment in zip(reversed(each), reversed(moments), strict=False):
            if moment.pieces.setdefault(slot, piece) is not piece:
                homeless.append(piece)
    if not is_known and len(moments) == 1:
        # One moment has no rate, and the file's time is as good as any to name it.
        moments[0].is_timed = True
    return moments, homeless


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts nmt-9 before nmt-10."""
    words = re.split(r"(\d{1,18})", name)
    return tuple((1, int(word), "") if word.isdecimal() and word.isascii() else (0, 0, word) for word in words if word)


def _order(piece: Piece) -> tuple[tuple[tuple[int, int, str], ...], int]:
    return natural(piece.source), piece.part


def _parted(pieces: Iterable[tuple[str, Piece]]) -> tuple[list[tuple[str, Piece]], list[tuple[str, Piece]]]:
    """(with a time, without). Modification times count only where they can be those of a series."""
    known: list[tuple[str, Piece]] = []
    by_slot: dict[str, list[Piece]] = {}
    for slot, piece in pieces:
        if piece.clock in (Clock.TEXT, Clock.NAME):
            known.append((slot, piece))
        else:
            by_slot.setdefault(slot, []).append(piece)
    if all(are_times(each) for each in by_slot.values()) and not (known and by_slot):
        return [(slot, piece) for slot, each in by_slot.items() for piece in each] + known, []
    unknown = [(slot, replace(piece, clock=Clock.ORDER)) for slot, each in by_slot.items() for piece in each]
    return known, unknown


def are_times(pieces: Sequence[Piece]) -> bool:
    """Whether modification times can be those of a series: a copy's lie closer together."""
    times = sorted(piece.at for piece in pieces)
    return all(later - earlier >= LEAST_STEP_SECONDS for earlier, later in pairwise(times))


def _clustered(pieces: Sequence[tuple[str, Piece]]) -> list[Moment]:
    """The slot that was read most often makes the moments; each other piece joins the one nearest to it in time."""
    by_slot: dict[str, list[Piece]] = {}
    for slot, piece in sorted(pieces, key=lambda each: (each[1].at, each[0], _order(each[1]))):
        by_slot.setdefault(slot, []).append(piece)
    if not by_slot:
        return []
    lead = max(by_slot, key=lambda slot: (len(by_slot[slot]), slot))
    moments = [Moment(piece.at, is_timed=True, pieces={lead: piece}) for piece in by_slot.pop(lead)]
    gaps = [later.at - earlier.at for earlier, later in pairwise(moments)]
    together = min(_TOGETHER_SECONDS, median(gaps) / 2) if gaps else _SINGLE_TOGETHER_SECONDS
    left: list[tuple[str, Piece]] = []
    for slot, each in by_slot.items():
        near = sorted(
            (distance, place, number)
            for number, piece in enumerate(each)
            for place, moment in _around(moments, piece.at)
            if (distance := abs(moment.at - piece.at)) <= together
        )
        placed: set[int] = set()
        for _, place, number in near:
            if number not in placed and slot not in moments[place].pieces:
                moments[place].pieces[slot] = each[number]
                placed.add(number)
        left += [(slot, piece) for number, piece in enumerate(each) if number not in placed]
    return sorted([*moments, *_clustered(left)], key=lambda moment: moment.at)


def _around(moments: Sequence[Moment], at: float) -> list[tuple[int, Moment]]:
    """The last moment before and the first one after, with their places."""
    after = bisect_left(moments, at, key=lambda moment: moment.at)
    return [(place, moments[place]) for place in (after - 1, after) if 0 <= place < len(moments)]
