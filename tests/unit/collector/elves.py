"""ELF files of a few bytes, made by hand: one segment of code, a symbol table and a build id."""

from __future__ import annotations

import struct

FUNCTION = 2
BUILD_ID = bytes(range(20))
CODE_AT = 0x1000
"""Address of the code; in the file it begins at 0."""


def elf(symbols: dict[str, tuple[int, int]], *, kind: int = 2, info: int = FUNCTION) -> bytes:
    """`symbols`: address and size by name. `kind`: 2 is the full table, 11 the one that stripping leaves."""
    names, entries = b"\0", bytes(24)
    for name, (address, size) in symbols.items():
        entries += struct.pack("<IBBHQQ", len(names), info, 0, 1, address, size)
        names += name.encode() + b"\0"
    note = struct.pack("<III", 4, len(BUILD_ID), 3) + b"GNU\0" + BUILD_ID
    segment_at, at = 64, 64 + 56
    parts, sections = [], [bytes(64)]
    for number, data in ((kind, entries), (3, names), (7, note)):
        parts.append(data)
        sections.append(struct.pack("<IIQQQQIIQQ", 0, number, 0, 0, at, len(data), 2, 0, 1, 24))
        at += len(data)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, segment_at, at, 0, 64, 56, 1, 64, len(sections), 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, CODE_AT, CODE_AT, 0x100000, 0x100000, 0x1000)
    return header + segment + b"".join(parts) + b"".join(sections)
