"""The second half of `detail` and `detail.diff`: reserved regions with their category, and allocation sites.

A site is a native call stack of at most four frames. Symbols may be missing altogether (stripped libjvm of JDK 8) or
for compiled Java frames, so nothing may depend on them alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FRAME = re.compile(r"^\[0x[0-9a-fA-F]{1,16}\](.*)$")
_MALLOC = re.compile(
    r"^\(+malloc=(\d{1,19})([KMG]?B)? (?:type|tag)=(.{1,60}?)(?: ([+-]\d{1,19})(?:[KMG]?B)?)?"
    r"(?: #(\d{1,19})(?: ([+-]\d{1,19}))?)?\)+(?: \(.{0,80}\))?\)*$"
)
_MMAP = re.compile(
    r"^\(+(?:mmap: )?reserved=(\d{1,19})([KMG]?B)?(?: ([+-]\d{1,19})(?:[KMG]?B)?)?, "
    r"committed=(\d{1,19})(?:[KMG]?B)?(?: ([+-]\d{1,19})(?:[KMG]?B)?)? (?:[Tt]ype|[Tt]ag)=(.{1,60}?)\)+$"
)
_REGION = re.compile(
    r"^\[0x([0-9a-fA-F]{1,16}) - 0x([0-9a-fA-F]{1,16})\] reserved( and committed)? \d{1,19}(?:[KMG]?B)?"
    r" for (.{1,60}?)(?: from)?$"
)
_MAX_SYMBOL = 500
SCALES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True, slots=True)
class NmtSite:
    """Where memory was asked for. `frames` are symbols, innermost first, "" where there is none."""

    kind: str
    """`malloc` or `mmap`."""
    category: str
    size_bytes: int
    """For mmap: committed bytes."""
    delta_bytes: int
    count: int | None
    delta_count: int
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NmtRegion:
    """A reserved address range of the VM: [start, end)."""

    start: int
    end: int
    category: str
    committed: bool
    """True when NMT says the whole range is committed."""


@dataclass(frozen=True, slots=True)
class SiteSection:
    """What the lines after the categories held."""

    sites: tuple[NmtSite, ...]
    regions: tuple[NmtRegion, ...]
    unread_lines: tuple[int, ...]


_HEADINGS = ("Virtual memory map:", "Details:", "Memory file details")
_NOTES = re.compile(r"^(\(\d+ call sites weighting less than .*omitted\.\)|\[0x[0-9a-fA-F]+ - .*committed .*)$")


def parse_sites(numbered_lines: Iterable[tuple[int, str]], scale_bytes: int = 1 << 10) -> SiteSection:
    """Read sites and regions from (line number, text). `scale_bytes` counts where the text has no unit.

    Total: what is not understood is listed in `unread_lines`.
    """
    sites: list[NmtSite] = []
    regions: list[NmtRegion] = []
    unread: list[int] = []
    frames: list[str] = []
    for number, raw in numbered_lines:
        line = raw.strip()
        if not line:
            frames.clear()
        elif region := _REGION.match(line):
            start, end = int(region[1], 16), int(region[2], 16)
            regions.append(NmtRegion(start, end, region[4], region[3] is not None))
            frames.clear()
        elif frame := _FRAME.match(line):
            frames.append(frame[1][:_MAX_SYMBOL].strip())
        elif malloc := _MALLOC.match(line):
            scale = _scale(malloc[2], scale_bytes)
            sites.append(
                NmtSite(
                    kind="malloc",
                    category=malloc[3],
                    size_bytes=int(malloc[1]) * scale,
                    delta_bytes=int(malloc[4] or 0) * scale,
                    count=int(malloc[5]) if malloc[5] else None,
                    delta_count=int(malloc[6] or 0),
                    frames=tuple(frames),
                )
            )
            frames.clear()
        elif mmap := _MMAP.match(line):
            scale = _scale(mmap[2], scale_bytes)
            sites.append(
                NmtSite(
                    kind="mmap",
                    category=mmap[6],
                    size_bytes=int(mmap[4]) * scale,
                    delta_bytes=int(mmap[5] or 0) * scale,
                    count=None,
                    delta_count=0,
                    frames=tuple(frames),
                )
            )
            frames.clear()
        elif not line.startswith(_HEADINGS) and not _NOTES.match(line):
            unread.append(number)
    return SiteSection(tuple(sites), tuple(regions), tuple(unread))


def _scale(unit: str | None, default: int) -> int:
    return default if unit is None else SCALES[unit]
