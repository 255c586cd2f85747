"""Whose the growing memory is by what it holds: a guess, used where no profile names the owner, and as a witness where one does.

A name in memory says whose data it is, not who forgot to free it; that is mostly the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.diagnosis.allocations import Asker
from offheap.diagnosis.case import Case
from offheap.evidence.content import MemoryContent

_MAGIC_FROM = 8
"""Fewer of one kind may be chance."""


@dataclass(frozen=True, slots=True)
class Guess:
    """`owner` is a class or package, None where no name stands out. `words` is a sentence with a blank before it, or empty."""

    owner: str | None
    words: str


def guess(case: Case) -> Guess:
    """From the last look at the growing regions; the look that names an owner goes first."""
    looks = [content for sample in reversed(case.samples) for content in sample.contents if content.regions]
    best = next((look for look in looks if look.owner), looks[0] if looks else None)
    return Guess(None, "") if best is None else Guess(best.owner, _words(best))


def agrees(case: Case, asker: Asker | None) -> bool | None:
    """Whether the content names the class, or its package, that the profile says asked for the memory. None where either
    is silent, or they differ: data of one class may be kept by another."""
    owner = guess(case).owner
    names = [name for name in (asker.caller, asker.method) if name] if asker else []
    return True if owner and any(name.startswith(owner) for name in names) else None


def _words(look: MemoryContent) -> str:
    string = look.main_string
    parts = []
    if string is not None and string.prefix:
        parts.append(f"strings that begin `{string.prefix}` ({string.count} times)")
    magic = [f"{kind} ({count})" for kind, count in look.magic if count >= _MAGIC_FROM]
    if magic:
        parts.append(f"beginnings of {', '.join(magic[:3])}")
    if look.owner:
        parts.append(f"the name {look.owner}, which may be the owner's")
    return f" The growing memory holds {' and '.join(parts)}." if parts else ""
