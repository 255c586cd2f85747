"""From files to pieces: one answer of one tool each, with its time where one is known.

A file may hold one answer, or a series of them: answers of Native Memory Tracking in an application's log, smaps after smaps,
or different answers with a line of `date` between them.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from itertools import pairwise

from offheap.offline.recognise import Kind, Unknown, cgroup_members, is_stream, recognise
from offheap.offline.times import last_time_in, time_in_name, time_line

MOST_BYTES = 256 << 20
"""Of one file, unpacked. smaps of the largest JVMs are a hundredth of it."""


class Clock(StrEnum):
    """How the time of a piece is known."""

    TEXT = "told by the text"
    NAME = "told by the file's name"
    MTIME = "the file's modification time"
    ORDER = "unknown, only the order"


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read. `modified_at` is unix seconds."""

    name: str
    data: bytes
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One answer. `part` counts from 0 within its file; `member` is the kernel's name of a cgroup's file."""

    kind: Kind
    source: str
    part: int
    text: str
    at: float
    clock: Clock
    data: bytes = b""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file, or a part of it, that could not be used, and why."""

    source: str
    reason: str


_STARTS = {
    Kind.NMT: re.compile(r"^(?:\d{1,10}:[ \t]*\n\s*)?[ \t]*Native Memory Tracking:[ \t]*$", re.MULTILINE),
    Kind.STATUS: re.compile(r"^Name:\s", re.MULTILINE),
    Kind.PMAP: re.compile(r"^\d{1,10}:\s+\S", re.MULTILINE),
    Kind.ROLLUP: re.compile(r"^[0-9a-f]+-[0-9a-f]+ .*\[rollup\]", re.MULTILINE),
    Kind.MALLOC_INFO: re.compile(r"^<malloc version=", re.MULTILINE),
}
"""Where each answer of a series begins."""
_MAPPING = re.compile(r"^([0-9a-f]{1,16})-[0-9a-f]{1,16} [r-][w-][x-][sp-] ", re.MULTILINE)


def pieces_of(source: Source) -> tuple[list[Piece], list[Refused]]:
    """Everything that one file holds. Never raises."""
    data = _unpacked(source.data)
    if isinstance(data, str):
        return [], [Refused(source.name, data)]
    named = time_in_name(source.name.rpartition("/")[2])
    at, clock = (source.modified_at, Clock.MTIME) if named is None else (named, Clock.NAME)
    if data.startswith(b"FLR\0"):
        return [Piece(Kind.JFR, source.name, 0, "", at, clock, data=data)], []
    text = _decoded(data)
    if text is None:
        return [], [Refused(source.name, "a binary file of no kind that is known here")]
    pieces: list[Piece] = []
    refused: list[Refused] = []
    sections = list(_sections(text))
    for number, told, section in sections:
        kind = recognise(section, source.name)
        if isinstance(kind, Unknown):
            where = f"the part from line {number}: " if len(sections) > 1 else ""
            refused.append(Refused(source.name, where + kind.reason))
            continue
        if kind is Kind.CGROUP:
            parts = [(told, body, member) for member, body in cgroup_members(section, source.name).items()]
        else:
            parts = [(told if each is None else each, body, "") for each, body in _series(kind, section)]
        for own, body, member in parts:
            first = Piece(kind, source.name, len(pieces), body, at, clock, member=member)
            pieces.append(first if own is None else _told(first, own))
    return pieces, refused


def _told(piece: Piece, at: float) -> Piece:
    return Piece(piece.kind, piece.source, piece.part, piece.text, at, Clock.TEXT, piece.data, piece.member)


def _unpacked(data: bytes) -> bytes | str:
    """The bytes, or why there are none."""
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=BytesIO(data)) as packed:
                data = packed.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            return f"a gzip file that cannot be unpacked: {error}"
    if len(data) > MOST_BYTES:
        return f"larger than {MOST_BYTES >> 20} MiB"
    return data


def _decoded(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # what a shell of Windows writes
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data[:8192]:
        return None
    else:
        text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    return text.replace("\r\n", "\n")


def _sections(text: str) -> Iterator[tuple[int, float | None, str]]:
    """(first line, time, text) of what lies between lines that hold a time and nothing else."""
    if is_stream(text):
        yield 1, None, text
        return
    first, at = 1, None
    lines: list[str] = []
    found = False
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        told = time_line(line)
        if told is None:
            lines.append(line)
            continue
        if "".join(lines).strip():
            found = True
            yield first, at, "".join(lines)
        first, at, lines = number + 1, told, []
    if "".join(lines).strip() or not found:
        yield first, at, "".join(lines)


def _series(kind: Kind, text: str) -> Iterator[tuple[float | None, str]]:
    """(time, text) of each answer. Times count where all answers of the file have one."""
    if kind is Kind.SMAPS:
        yield from ((None, part) for part in _smaps_series(text))
        return
    pattern = _STARTS.get(kind)
    starts = [found.start() for found in pattern.finditer(text)] if pattern else []
    if len(starts) < 2:
        yield last_time_in(text[: starts[0]]) if starts else None, text
        return
    bodies = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    between = [last_time_in(part) for part in (text[: starts[0]], *bodies)]
    # A log tells the time before each answer or after it; half of the times would be no series.
    times = next((each for each in (between[:-1], between[1:]) if None not in each), [None] * len(bodies))
    yield from zip(times, bodies, strict=True)


def _smaps_series(text: str) -> Iterator[str]:
    """The kernel lists mappings by rising addresses: where they fall, another answer begins."""
    start, before = 0, -1
    for found in _MAPPING.finditer(text):
        address = int(found[1], 16)
        if address < before:
            yield text[start : found.start()]
            start = found.start()
        before = address
    yield text[start:]
