"""Which texts were taken together: pieces by the moments of a series.

Where times are known, what lies close together is one moment. Where only the order is known, the last text of each kind belongs
to the last moment, the one before it to the moment before; such moments are set a minute apart, and rates are not to be told.
The order in which files were named does not matter: what the texts and the files' names tell does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from offheap.offline.pieces import Clock, Piece

STEP_SECONDS = 60.0
"""Between moments whose times are not known."""
_TOGETHER_SECONDS = 30.0
"""A person, or a loop in a shell, takes the texts of one moment within this time."""
_SINGLE_TOGETHER_SECONDS = 600.0
"""Where no kind comes twice, there is no series: all within this time is one moment."""
_LEAST_MTIME_STEP_SECONDS = 1.0
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
    if all(_are_times(each) for each in by_slot.values()) and not (known and by_slot):
        return [(slot, piece) for slot, each in by_slot.items() for piece in each] + known, []
    unknown = [(slot, replace(piece, clock=Clock.ORDER)) for slot, each in by_slot.items() for piece in each]
    return known, unknown


def _are_times(pieces: Sequence[Piece]) -> bool:
    times = sorted(piece.at for piece in pieces)
    return all(later - earlier >= _LEAST_MTIME_STEP_SECONDS for earlier, later in pairwise(times))


def _clustered(pieces: Sequence[tuple[str, Piece]]) -> list[Moment]:
    times: dict[str, list[float]] = {}
    for slot, piece in pieces:
        times.setdefault(slot, []).append(piece.at)
    gaps = [later - earlier for each in times.values() for earlier, later in pairwise(sorted(each))]
    together = min(_TOGETHER_SECONDS, min(gaps) / 2) if gaps else _SINGLE_TOGETHER_SECONDS
    moments: list[Moment] = []
    for slot, piece in sorted(pieces, key=lambda each: (each[1].at, each[0], _order(each[1]))):
        current = moments[-1] if moments else None
        if current is None or slot in current.pieces or piece.at - current.at > together:
            current = Moment(piece.at, is_timed=True)
            moments.append(current)
        current.pieces[slot] = piece
    return moments
