"""Parser of `jcmd VM.native_memory`: summary, summary.diff, detail, detail.diff, and the one-line answers.

One pass, one regular expression a kind of line. Units differ inside one report (JDK 11 prints an arena's change
without its unit; scale=b prints none at all), so the scale is read from the Total line and stands in wherever a unit is
missing. JDK 8 before update 40 (JEP 195) prints two blanks in the Total line, a comma before a count, and other names
of three categories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from offheap.evidence.errors import EvidenceError
from offheap.evidence.nmt_report import Chunk, Extent, MetaspacePart, NmtAnswer, NmtCategory, NmtReport, Tally
from offheap.evidence.nmt_sites import SCALES, parse_sites

# A size and its change: `51200KB +51200KB`, `712KB +128`, `51200`. Bounded digits, so that int() never refuses.
_UNIT = r"(?:[KMG]?B)?"
_SIZE = rf"(\d{{1,19}}){_UNIT}(?: {{1,2}}([+-]\d{{1,19}}){_UNIT})?"
_COUNT = r"#(\d{1,19})(?: ([+-]\d{1,19}))?"
_EXTENT = rf"reserved={_SIZE}, {{1,2}}committed={_SIZE}"

_TOTAL = re.compile(rf"^Total:\s+{_EXTENT}$")
_TOTAL_UNIT = re.compile(r"committed=\d{1,19}([KMG]?B)?")
_TOTAL_PARTS = re.compile(r"^(?:malloc[:=]|mmap:)\s*(?:reserved=)?\d")
_CATEGORY = re.compile(rf"^-?\s*([A-Za-z][\w /-]{{0,58}}?) \({_EXTENT}(?:, readonly=(\d{{1,19}}){_UNIT})?\)$")
_MMAP = re.compile(rf"^\((mmap|stack): {_EXTENT}(?:, (?:at peak|peak=(\d{{1,19}}){_UNIT}))?\)$")
_MALLOC = re.compile(
    rf"^\((malloc|arena)={_SIZE}(?: (?:type|tag)=[\w /-]{{1,60}}?)?(?:,? {_COUNT})?\)"
    rf"(?: \((?:at peak|peak=(\d{{1,19}}){_UNIT}.{{0,40}})\))?$"
)
_OVERHEAD = re.compile(rf"^\(tracking overhead={_SIZE}\)$")
_TALLY = re.compile(rf"^\((threads?|classes) {_COUNT}\)$")
_CLASS_KINDS = re.compile(rf"^\(\s*instance classes {_COUNT}, array classes {_COUNT}\)$")
_PART = re.compile(r"^:?\s*\(\s+(Metadata|Class space):?\s*\)$")
_PART_EXTENT = re.compile(rf"^\(\s+{_EXTENT}\)$")
_PART_SIZE = re.compile(
    rf"^\(\s+(used|free|waste)={_SIZE}(?: =\d{{1,3}}[.,]\d{{1,4}}%(?: ([+-]\d{{1,19}}){_UNIT})?)?\)$"
)

_HEADING = re.compile(r"^Native Memory Tracking:$")
_PREAMBLE = re.compile(
    r"^(?:(\d{1,10}):|Connected to remote JVM|(?:JVM r|R)esponse code = \d+"
    r"|\(Omitting categories weighting .*\))$"
)
_NAMES_BEFORE_8U40 = {
    "Memory Tracking": "Native Memory Tracking",
    "Pooled Free Chunks": "Arena Chunk",
    "Shared spaces for classes": "Shared class space",
}
# detail.diff has no heading: its first stack begins straight after the categories.
_DETAIL_STARTS = ("Virtual memory map:", "Details:", "Memory file details", "[0x")
_SHUT_DOWN = re.compile(r"has been (?:shutdown|turned off)", re.IGNORECASE)


def parse_nmt(text: str) -> NmtReport | NmtAnswer:
    """Read one answer of VM.native_memory. Sizes in the result are bytes.

    Raises EvidenceError when the text is neither a report nor one of the known answers.
    """
    if "Total:" not in text:
        return _answer(text)
    report = next(_reports(text), None)
    if report is None:
        number = next(number for number, line in enumerate(text.splitlines(), start=1) if "Total:" in line)
        raise EvidenceError("the line `Total: reserved=…, committed=…` cannot be read", number)
    return _parse_report(report)


def parse_nmt_series(text: str) -> tuple[NmtReport, ...]:
    """Read every report of a log that holds several, with other lines between them. A cut report at the end counts as
    far as it goes; text without any report gives an empty tuple."""
    return tuple(_parse_report(part) for part in _reports(text))


def _answer(text: str) -> NmtAnswer:
    if "Baseline succeeded" in text:
        return NmtAnswer.BASELINE_TAKEN
    if _SHUT_DOWN.search(text):
        return NmtAnswer.SHUT_DOWN
    for answer in NmtAnswer:
        if answer.value in text:
            return answer
    raise EvidenceError("neither a report of Native Memory Tracking nor one of its known answers", 1)


def _reports(text: str) -> Iterator[list[tuple[int, str]]]:
    part: list[tuple[int, str]] = []
    has_total = False
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if _HEADING.match(line) or (has_total and _TOTAL.match(line)):
            if has_total:
                yield part
                part = []
            # What jcmd prints before the heading (the process id) belongs to the report that follows.
            part, has_total = [known for known in part if _PREAMBLE.match(known[1])], False
        has_total = has_total or _TOTAL.match(line) is not None
        part.append((number, line))
    if has_total:
        yield part


def _parse_report(lines: list[tuple[int, str]]) -> NmtReport:
    total_at, total_match = next(
        (index, match) for index, (_, line) in enumerate(lines) if (match := _TOTAL.match(line))
    )
    unit = _TOTAL_UNIT.search(total_match[0])
    scale = SCALES[unit[1]] if unit and unit[1] else 1
    total = _extent(total_match.groups(), scale)

    pid: int | None = None
    unread: list[int] = []
    for number, line in lines[:total_at]:
        preamble = _PREAMBLE.match(line)
        if preamble and preamble[1]:
            pid = int(preamble[1])
        elif line and not preamble and not _HEADING.match(line):
            unread.append(number)

    categories: list[NmtCategory] = []
    sites_at = len(lines)
    for index in range(total_at + 1, len(lines)):
        number, line = lines[index]
        if line.startswith(_DETAIL_STARTS):
            sites_at = index
            break
        if not line:
            continue
        if match := _CATEGORY.match(line):
            readonly = int(match[6]) * scale if match[6] else None
            name = _NAMES_BEFORE_8U40.get(match[1], match[1])
            categories.append(NmtCategory(name, _extent(match.groups()[1:], scale), readonly_bytes=readonly))
        elif categories and (grown := _read_part(categories[-1], line, scale)):
            categories[-1] = grown
        elif not (_TOTAL_PARTS.match(line) and not categories):
            unread.append(number)

    section = parse_sites(lines[sites_at:], scale)
    return NmtReport(
        pid=pid,
        total=total,
        categories=tuple(categories),
        is_diff=_has_change(total, categories) or any(site.delta_bytes for site in section.sites),
        sites=section.sites,
        regions=section.regions,
        unread_lines=(*unread, *section.unread_lines),
    )


def _read_part(category: NmtCategory, line: str, scale: int) -> NmtCategory | None:
    """The category with what this line adds to it, or None when the line is not understood."""
    if match := _MALLOC.match(line):
        chunk = Chunk(
            size_bytes=int(match[2]) * scale,
            count=int(match[4]) if match[4] else None,
            delta_bytes=int(match[3] or 0) * scale,
            delta_count=int(match[5] or 0),
            peak_bytes=int(match[6]) * scale if match[6] else None,
        )
        return replace(category, malloc=chunk) if match[1] == "malloc" else replace(category, arena=chunk)
    if match := _MMAP.match(line):
        extent = _extent(match.groups()[1:], scale)
        if match[6]:
            extent = replace(extent, peak_bytes=int(match[6]) * scale)
        return replace(category, mmap=extent) if match[1] == "mmap" else replace(category, stack=extent)
    if match := _TALLY.match(line):
        tally = Tally(int(match[2]), int(match[3] or 0))
        return replace(category, classes=tally) if match[1] == "classes" else replace(category, threads=tally)
    if match := _OVERHEAD.match(line):
        return replace(category, overhead=Chunk(int(match[1]) * scale, None, int(match[2] or 0) * scale))
    if match := _CLASS_KINDS.match(line):
        instances, arrays = Tally(int(match[1]), int(match[2] or 0)), Tally(int(match[3]), int(match[4] or 0))
        return replace(category, instance_classes=instances, array_classes=arrays)
    if match := _PART.match(line):
        return replace(category, parts=(*category.parts, MetaspacePart(match[1])))
    if category.parts:
        part = _read_metaspace_part(category.parts[-1], line, scale)
        return replace(category, parts=(*category.parts[:-1], part)) if part else None
    return None


def _read_metaspace_part(part: MetaspacePart, line: str, scale: int) -> MetaspacePart | None:
    if match := _PART_EXTENT.match(line):
        return replace(part, extent=_extent(match.groups(), scale))
    if match := _PART_SIZE.match(line):
        size = int(match[2]) * scale
        if match[1] == "used":
            return replace(part, used_bytes=size, used_delta_bytes=int(match[3] or 0) * scale)
        return replace(part, free_bytes=size) if match[1] == "free" else replace(part, waste_bytes=size)
    return None


def _extent(groups: tuple[str | None, ...], scale: int) -> Extent:
    """From the four groups of _EXTENT: reserved, its change, committed, its change."""
    reserved, reserved_delta, committed, committed_delta = (int(group or 0) * scale for group in groups[:4])
    return Extent(reserved, committed, reserved_delta, committed_delta)


def _has_change(total: Extent, categories: list[NmtCategory]) -> bool:
    extents = [total, *(category.extent for category in categories)]
    return any(extent.reserved_delta_bytes or extent.committed_delta_bytes for extent in extents)
