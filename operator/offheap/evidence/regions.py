"""Anonymous mappings that grow, over several readings of smaps: what `pmap | sort` shows when it is done again and again.

The JVM's own regions (heap, stacks, compiled code, class space, archives, libraries) are left out, so that what is left is
malloc's, or mapped by native code, or the JVM's by malloc. A region has no name, and none of its ends is sure: a heap of an
arena and [heap] grow at their end, the kernel merges a new mapping with its neighbour, mostly the one above it, and then
the start moves down. So a region is what overlaps from reading to reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offheap.evidence.mappings import MappingClass
from offheap.evidence.smaps import Mapping

KINDS = frozenset({MappingClass.ARENAS, MappingClass.BRK_HEAP, MappingClass.OTHER_ANON})
"""Classes that no part of the JVM has for itself alone."""
_COLUMNS = ("start", "end", "kind", "size KiB", "rss KiB", "grown KiB", "KiB/min", "readings")

Range = tuple[int, int]
"""[start, end) of addresses."""


@dataclass(frozen=True, slots=True)
class Region:
    """One mapping of one reading. `resident_bytes` counts anonymous pages, swapped ones too."""

    start: int
    end: int
    kind: MappingClass
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The regions of one instant, by address. `at` is unix seconds, `incarnation` the process they were read from."""

    at: float
    incarnation: tuple[int, int]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class GrowingRegion:
    """A region as it was last seen, and what it gained since the first reading (0 bytes then if it was not there).

    `readings` counts those in which it was there; `growth_bytes_per_second` is from first to last of them all.
    """

    start: int
    end: int
    kind: MappingClass
    resident_bytes: int
    grown_bytes: int
    growth_bytes_per_second: float
    readings: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


def regions_of(mappings: Sequence[Mapping], classes: Sequence[MappingClass]) -> tuple[Region, ...]:
    """The resident mappings that may be anybody's, in the order given."""
    return tuple(
        Region(mapping.start, mapping.end, kind, mapping.anonymous_bytes + mapping.swap_bytes)
        for mapping, kind in zip(mappings, classes, strict=True)
        if kind in KINDS and mapping.anonymous_bytes + mapping.swap_bytes > 0
    )


def growing_regions(readings: Sequence[Reading], known: Iterable[Range] = ()) -> tuple[GrowingRegion, ...]:
    """What grew between the first and the last reading of the process that was read last, most growth first.

    `known` are ranges that the JVM says are its own (NMT's map, System.map): regions that lie in them are left out.
    """
    if not readings:
        return ()
    newest = max(readings, key=lambda reading: reading.at)
    own = sorted(
        (reading for reading in readings if reading.incarnation == newest.incarnation), key=lambda reading: reading.at
    )
    if len(own) < 2 or own[-1].at <= own[0].at:
        return ()
    ranges = _merged(known)
    seen = sorted(
        ((region.start, region.end, index, region) for index, reading in enumerate(own) for region in reading.regions),
        key=lambda each: each[:3],
    )
    grown: list[GrowingRegion] = []
    track: list[tuple[int, Region]] = []
    reach = 0
    for start, end, index, region in seen:
        if _lies_in(ranges, region):
            continue
        if track and start >= reach:
            grown.extend(_summed(track, own))
            track = []
        reach = max(reach, end) if track else end
        track.append((index, region))
    grown.extend(_summed(track, own))
    return tuple(sorted(grown, key=lambda region: (-region.grown_bytes, region.start)))


def render(regions: Sequence[GrowingRegion]) -> str:
    """A table for people, a line a region, in the order given."""
    rows = [
        (
            f"{region.start:012x}",
            f"{region.end:012x}",
            region.kind.value,
            str(region.size_bytes >> 10),
            str(region.resident_bytes >> 10),
            f"{region.grown_bytes / 1024:+.0f}",
            f"{region.growth_bytes_per_second * 60 / 1024:+.0f}",
            str(region.readings),
        )
        for region in regions
    ]
    widths = [max(len(row[column]) for row in (_COLUMNS, *rows)) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(
            word.ljust(width) if column < 3 else word.rjust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (_COLUMNS, *rows)
    ]
    return "\n".join(lines) + "\n"


def _summed(track: Sequence[tuple[int, Region]], readings: Sequence[Reading]) -> list[GrowingRegion]:
    """One region out of all that overlap; none when it did not grow or is gone."""
    last = len(readings) - 1
    now = [region for index, region in track if index == last]
    before = sum(region.resident_bytes for index, region in track if index == 0)
    resident = sum(region.resident_bytes for region in now)
    if not now or resident <= before:
        return []
    largest = max(now, key=lambda region: region.resident_bytes)
    return [
        GrowingRegion(
            start=min(region.start for region in now),
            end=max(region.end for region in now),
            kind=largest.kind,
            resident_bytes=resident,
            grown_bytes=resident - before,
            growth_bytes_per_second=(resident - before) / (readings[last].at - readings[0].at),
            readings=len({index for index, _ in track}),
        )
    ]


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _lies_in(ranges: Sequence[Range], region: Region) -> bool:
    return any(start <= region.start and region.end <= end for start, end in ranges)
