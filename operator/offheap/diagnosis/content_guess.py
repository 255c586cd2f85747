"""Whose the growing memory is by what it holds: a guess, used where no profile names the owner, and as a witness where one does.

A name in memory says whose data it is, not who forgot to free it; that is mostly the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.diagnosis.allocations import Asker
from offheap.diagnosis.case import Case
from offheap.evidence.content import MemoryContent
from offheap.evidence.owner_guess import OwnerGuess, guess_owner

_ORDER = {"High": 0, "Medium": 1, "Low": 2}
_MAGIC_FROM = 8
"""Fewer of one kind may be chance."""


@dataclass(frozen=True, slots=True)
class Guess:
    """`owner` is a class, or a package that ends in `.*`; None where nothing stands out, or only weakly. `words` are sentences
    with a blank before them, or empty."""

    owner: str | None
    words: str


def guess(case: Case) -> Guess:
    """From the looks at the growing regions, the surest of them."""
    looks = [content for sample in reversed(case.samples) for content in sample.contents if content.regions]
    if not looks:
        return Guess(None, "")
    guesses = [(look, guess_owner(look)) for look in looks]
    look, best = min(guesses, key=lambda each: _ORDER[each[1].confidence] if each[1] else len(_ORDER))
    owner = best.owner if best and best.confidence != "Low" else None
    return Guess(owner, _words(look, best))


def agrees(case: Case, asker: Asker | None) -> bool | None:
    """Whether the content names the class, or its package, that the profile says asked for the memory. None where either
    is silent, or they differ: data of one class may be kept by another."""
    owner = guess(case).owner
    names = [name for name in (asker.caller, asker.method) if name] if asker else []
    return True if owner and any(name.startswith(owner.removesuffix("*")) for name in names) else None


def _words(look: MemoryContent, best: OwnerGuess | None) -> str:
    string = look.main_string
    parts = (
        [f"strings that begin `{string.prefix}` ({string.count} times)"] if string is not None and string.prefix else []
    )
    magic = [f"{kind} ({count})" for kind, count in look.magic if count >= _MAGIC_FROM]
    if magic:
        parts.append(f"beginnings of {', '.join(magic[:3])}")
    holds = f" The growing memory holds {' and '.join(parts)}." if parts else ""
    return holds + (f" By its content the owner may be {best.owner}: {best.because}." if best else "")
