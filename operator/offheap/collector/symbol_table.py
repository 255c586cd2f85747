"""Names of places in an ELF file, from its own symbol table.

Read here and not by a tool: addr2line holds the whole table of a libjvm.so in memory, 11 MiB of the target's pod (eu-addr2line 15,
nm 13); this holds 100 KiB of it at a time. The file is the target's choice, so nothing in it is believed: every number is bounded,
and what does not fit gives no names.
"""

from __future__ import annotations

import os
import struct
from _bisect import bisect_left
from collections.abc import Callable

_SYMBOL = struct.Struct("<IBBHQQ")
_CHUNK_BYTES = _SYMBOL.size * 4096
_MOST_SYMBOLS = 1 << 20
"""libjvm.so has 70 000; the largest library seen in a JVM (LLVM) 300 000."""
_MOST_SECTIONS = 4096
_MOST_SEGMENTS = 64
_LONGEST_NAME_BYTES = 1024
_SYMTAB, _DYNSYM, _NOTE, _LOAD = 2, 11, 7, 1
_CODE = (2, 10)
"""STT_FUNC, STT_GNU_IFUNC."""
_WITHOUT_SIZE_BYTES = 4096
"""How far a symbol of no size (hand-written assembly) is taken to reach."""
_MOST_STEPS = 1 << 20
"""A table whose symbols all claim to hold everything is given up."""


def name_offsets(fd: int, offsets: list[int], check: Callable[[], None]) -> dict[int, bytes]:
    """Offset in the file → name of the function there, for those that have one. `check` is called often and may raise.

    Raises OSError. Source: elf(5); 64-bit little-endian only, as HotSpot's platforms under Kubernetes are.
    """
    sections, segments = _headers(fd)
    places = {}
    for offset in offsets:
        for _, at, address, size in segments:
            if at <= offset < at + size:
                places[offset - at + address] = offset
    wanted = sorted(places)
    tables = [section for kind in (_SYMTAB, _DYNSYM) for section in sections if section[0] == kind]
    if not wanted or not tables:
        return {}
    _, at, size, link = tables[0]
    found = _nearest(fd, at, min(size // _SYMBOL.size, _MOST_SYMBOLS), wanted, check)
    names_at, names_bytes = sections[link][1:3] if link < len(sections) else (0, 0)
    names = {}
    for address, (_, name) in found.items():
        if name < names_bytes:
            text = os.pread(fd, min(_LONGEST_NAME_BYTES, names_bytes - name), names_at + name).partition(b"\0")[0]
            if text:
                names[places[address]] = text
    return names


def build_id(fd: int) -> str | None:
    """The hexadecimal build id by which a debug server or package knows this very file; None when it has none."""
    for kind, at, size, _ in _headers(fd)[0]:
        if kind != _NOTE or size > 4096:
            continue
        note = os.pread(fd, size, at)
        if len(note) >= 16 and note[8:16] == b"\x03\0\0\0GNU\0":
            return note[16 : 16 + min(64, _number(note, 4, 4))].hex()
    return None


def _nearest(fd: int, at: int, count: int, wanted: list[int], check: Callable[[], None]) -> dict[int, tuple[int, int]]:
    """Wanted address → (start, place of its name) of the symbol that holds it: the one that starts last."""
    found: dict[int, tuple[int, int]] = {}
    end, total, steps = at + count * _SYMBOL.size, len(wanted), 0
    while at < end:
        check()
        chunk = os.pread(fd, min(_CHUNK_BYTES, end - at), at)
        whole = len(chunk) // _SYMBOL.size * _SYMBOL.size
        if not whole:
            break
        at += whole
        for name, info, _, section, start, size in _SYMBOL.iter_unpack(chunk[:whole]):
            if not start or not section or info & 15 not in _CODE:
                continue
            index = bisect_left(wanted, start)
            reach = start + (size or _WITHOUT_SIZE_BYTES)
            while index < total and wanted[index] < reach:
                if found.get(wanted[index], (0, 0))[0] < start:
                    found[wanted[index]] = (start, name)
                index += 1
                steps += 1
            if steps > _MOST_STEPS:
                return found
    return found


def _headers(fd: int) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int, int]]]:
    """Sections as (type, offset, size, link), loaded segments as (type, offset, address, size in the file)."""
    header = os.pread(fd, 64, 0)
    if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
        return [], []
    sections = [
        (_number(entry, 4, 4), _number(entry, 24, 8), _number(entry, 32, 8), _number(entry, 40, 4))
        for entry in _table(
            fd, _number(header, 40, 8), _number(header, 60, 2), _number(header, 58, 2), 64, _MOST_SECTIONS
        )
    ]
    segments = [
        (_number(entry, 0, 4), _number(entry, 8, 8), _number(entry, 16, 8), _number(entry, 32, 8))
        for entry in _table(
            fd, _number(header, 32, 8), _number(header, 56, 2), _number(header, 54, 2), 56, _MOST_SEGMENTS
        )
    ]
    size = os.fstat(fd).st_size
    within = [section if section[1] + section[2] <= size else (0, 0, 0, 0) for section in sections]
    return within, [segment for segment in segments if segment[0] == _LOAD]


def _table(fd: int, at: int, count: int, entry_bytes: int, least_bytes: int, most: int) -> list[bytes]:
    if entry_bytes < least_bytes or at >= 1 << 62:
        return []
    data = os.pread(fd, min(count, most) * entry_bytes, at)
    return [data[i : i + entry_bytes] for i in range(0, len(data) - entry_bytes + 1, entry_bytes)]


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")
