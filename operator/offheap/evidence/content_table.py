"""Several looks at growing memory in one table: what each found, and what it cost the target. Read beside each other, they
either agree or show how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence

from offheap.evidence.content import MemoryContent
from offheap.evidence.owner_guess import guess_owner

_COLUMNS = ("method", "target stopped", "regions", "grown", "read", "main string", "times", "owner", "confidence")
_MIB = 1 << 20


def content_table(looks: Sequence[MemoryContent]) -> str:
    """A Markdown table, a row a look, in the order given; text of the target cannot break it."""
    lines = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    for look in looks:
        string, guess = look.main_string, guess_owner(look)
        lines.append(
            _row(
                (
                    f"{look.method} {look.version}".strip(),
                    f"{look.pause_seconds * 1000:.1f} ms" if look.pause_seconds else "no",
                    str(len(look.regions)),
                    f"{sum(region.grown_bytes for region in look.regions) / _MIB:.1f} MiB",
                    f"{sum(region.read_bytes for region in look.regions) / _MIB:.1f} MiB",
                    string.prefix if string else "",
                    str(string.count) if string else "",
                    guess.owner if guess else "",
                    guess.confidence if guess else "",
                )
            )
        )
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
