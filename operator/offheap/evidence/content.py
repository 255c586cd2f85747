"""What growing memory holds, as the collector summed it up: by /proc/PID/mem beside the running target, or by a debugger.

The bytes stayed in the target's pod. What came is counts: kinds of strings, magic numbers, names of classes, and beginnings
that repeat, secrets left out. Who owns the memory can be guessed from the names, and no more than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_MOST_REGIONS, _MOST_ITEMS, _MAX_TEXT = 64, 64, 300
_LEAST_NAMED = 50
"""A name that is met less often may be left over from anything."""
_MAIN_SHARE = 0.5
"""The owner's name is met as often as all other names together."""
_OF_THE_JDK = ("java.", "javax.", "jdk.", "sun.", "com.sun.")
_ADDRESS = re.compile(r"(?:0x)?[0-9a-f]{1,16}")

Counts = tuple[tuple[str, int], ...]
"""(what, how often), most first."""


@dataclass(frozen=True, slots=True)
class RepeatedString:
    """A beginning of strings, digits struck out, and how often it was met. `size_bytes` is what these strings take."""

    prefix: str
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ContentRegion:
    """One region, bytes; `read_bytes` of it were looked at. `entropy` is in bits a byte, `zero_share` a part of 0 to 1."""

    start: int
    size_bytes: int
    rss_bytes: int
    grown_bytes: int
    read_bytes: int
    entropy: float
    zero_share: float
    magic: Counts
    kinds: Counts
    strings: tuple[RepeatedString, ...]
    names: Counts


@dataclass(frozen=True, slots=True)
class MemoryContent:
    """One look at several regions. `method` is `proc-mem` or `gdb`; the target stood still for `pause_seconds`."""

    method: str
    version: str
    pause_seconds: float
    regions: tuple[ContentRegion, ...]

    @property
    def owner(self) -> str | None:
        """The class or package whose name is met most, if it is met often and as often as all others together."""
        names = _summed(name for region in self.regions for name in region.names)
        others = [(name, count) for name, count in names if not name.startswith(_OF_THE_JDK)]
        if not others or others[0][1] < _LEAST_NAMED or others[0][1] < _MAIN_SHARE * sum(count for _, count in others):
            return None
        return others[0][0]

    @property
    def main_string(self) -> RepeatedString | None:
        """The beginning whose strings take most bytes in all regions."""
        strings = [string for region in self.regions for string in region.strings]
        return max(strings, key=lambda string: (string.size_bytes, string.count), default=None)

    @property
    def magic(self) -> Counts:
        """Magic numbers of all regions together."""
        return _summed(each for region in self.regions for each in region.magic)


def parse_content(data: object) -> MemoryContent:
    """Read the collector's record. Raises EvidenceError when it is no such record, or a region has no address or size."""
    members = data if isinstance(data, dict) else {}
    regions = members.get("regions")
    if not isinstance(regions, list):
        raise EvidenceError("the content of memory is not an object with regions")
    return MemoryContent(
        method=_text(members.get("method")),
        version=_text(members.get("version")),
        pause_seconds=_real(members.get("pause_seconds")),
        regions=tuple(_region(region) for region in regions[:_MOST_REGIONS]),
    )


def _region(data: object) -> ContentRegion:
    members = data if isinstance(data, dict) else {}
    start, size = members.get("start"), _count(members.get("size_bytes"))
    if not isinstance(start, str) or not _ADDRESS.fullmatch(start) or size is None:
        raise EvidenceError("a region of memory without address or size")
    strings = members.get("strings")
    return ContentRegion(
        start=int(start, 16),
        size_bytes=size,
        rss_bytes=_count(members.get("rss_bytes")) or 0,
        grown_bytes=_count(members.get("grown_bytes")) or 0,
        read_bytes=_count(members.get("read_bytes")) or 0,
        entropy=_real(members.get("entropy")),
        zero_share=_real(members.get("zero_share")),
        magic=_counts(members.get("magic")),
        kinds=_counts(members.get("classes")),
        strings=tuple(_string(each) for each in strings[:_MOST_ITEMS]) if isinstance(strings, list) else (),
        names=_counts(members.get("names")),
    )


def _string(data: object) -> RepeatedString:
    members = data if isinstance(data, dict) else {}
    return RepeatedString(
        _text(members.get("prefix")), _count(members.get("count")) or 0, _count(members.get("size_bytes")) or 0
    )


def _counts(data: object) -> Counts:
    members = data if isinstance(data, dict) else {}
    counted = [
        (str(name)[:_MAX_TEXT], count)
        for name, value in members.items()
        if name and (count := _count(value)) is not None
    ]
    return _summed(counted)[:_MOST_ITEMS]


def _summed(counts: Iterable[tuple[str, int]]) -> Counts:
    sums: dict[str, int] = {}
    for name, count in counts:
        sums[name] = sums.get(name, 0) + count
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e9 else 0.0
