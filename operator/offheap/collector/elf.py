"""Tells a GraalVM native image: its program has a section `.svm_heap`, which survives stripping.

Such a process runs Java without a JVM: there is nothing to attach to, and saying so is better than "no JVM".
"""

from __future__ import annotations

import os

_MARK = b".svm_heap\0"
_MOST_NAMES_BYTES = 64 << 10


def is_native_image(path: str) -> bool:
    """False too for what cannot be read or is no 64-bit little-endian ELF."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return _MARK in _section_names(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _section_names(fd: int) -> bytes:
    """Elf64_Ehdr: e_shoff at 40, e_shentsize 58, e_shstrndx 62; Elf64_Shdr: sh_offset at 24, sh_size 32 (elf(5))."""
    header = os.pread(fd, 64, 0)
    if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
        return b""
    table, entry_bytes, index = _number(header, 40, 8), _number(header, 58, 2), _number(header, 62, 2)
    if entry_bytes < 64 or table >= 1 << 62:
        return b""
    section = os.pread(fd, 64, table + index * entry_bytes)
    offset = _number(section, 24, 8)
    if len(section) < 64 or offset >= 1 << 62:
        return b""
    return os.pread(fd, min(_number(section, 32, 8), _MOST_NAMES_BYTES), offset)


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")
