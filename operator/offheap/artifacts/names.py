"""Names of stored files: whatever a target calls a thing, it becomes one harmless word of a path."""

from __future__ import annotations

import re

MANIFEST = "manifest.json"
"""Written last: where it is, the files that it lists are whole."""
BEGUN = "begun.json"
"""Written first, removed after the manifest: it marks a folder as ours, so that no sweep ever removes somebody else's."""

_FOREIGN = re.compile(r"[^A-Za-z0-9._@+-]+")
_MOST_STEM = 120
_MOST_WORD = 200
"""Of one part of a path; file systems take 255 bytes."""
_MOST_ENDING = 20


def word(text: str) -> str:
    """One part of a path: letters, digits and ``. _ @ + -`` only, no dot in front, never empty."""
    clean = _FOREIGN.sub("_", text)[:_MOST_WORD]
    return "_" + clean if not clean or clean.startswith(".") else clean


def path(name: str) -> str:
    """A relative path of at most two words; neither the manifest's nor the marker's. A clean path is its own."""
    folder, slash, rest = name.strip("/").partition("/")
    clean = f"{word(folder)}/{word(rest)}" if slash else word(folder)
    return "_" + clean if clean in (MANIFEST, BEGUN) else clean


class Names:
    """Gives every file a name of its own, in the order of asking."""

    def __init__(self) -> None:
        self._taken: set[str] = {MANIFEST, BEGUN}
        self._next: dict[str, int] = {}

    def take(self, stem: str, ending: str) -> str:
        """``stem + ending``, with a number between them where another file has that name already."""
        folder, slash, rest = stem.partition("/")
        stem = f"{folder[:_MOST_STEM]}/{rest[:_MOST_STEM]}" if slash else folder[:_MOST_STEM]
        ending = _FOREIGN.sub("_", ending)[:_MOST_ENDING]
        wanted = name = path(stem + ending)
        while name in self._taken:
            # Counted on from the last one: thousands of one name would be millions of attempts.
            number = self._next[wanted] = self._next.get(wanted, 1) + 1
            name = path(f"{stem}.{number}{ending}")
        self._taken.add(name)
        return name
