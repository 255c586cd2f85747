"""Reads another process's memory without stopping it: only pages that are there, only a part, evenly spread.

A read of /proc/PID/mem brings absent pages in, and a swapped one would be charged to the target; so pagemap is asked
first (proc_pid_pagemap(5): bit 63 of each entry says that the page is in memory). A pread of 1 MiB holds up nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from offheap.collector.growing import Region
from offheap.collector.outcome import Skip
from offheap.collector.procfs import Proc

WINDOW_BYTES = 256 << 10
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_WINDOW_PAGES = WINDOW_BYTES // _PAGE_BYTES
_ENTRY_BYTES = 8
_PRESENT = 0x80
"""Bit 63, in the last byte of a little-endian entry."""


class Piece(NamedTuple):
    """A range of pages that are in memory."""

    start: int
    size_bytes: int


class TargetMemory:
    """The memory of one process. To be closed. Raises Skip when the kernel does not let us."""

    def __init__(self, proc: Proc, pid: int) -> None:
        self._pagemap = self._mem = -1
        try:
            self._pagemap = os.open(proc.path(pid, "pagemap"), os.O_RDONLY | os.O_CLOEXEC)
            self._mem = os.open(proc.path(pid, "mem"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise memory_denied(f"/proc/{pid}/mem") from None

    def close(self) -> None:
        for fd in (self._pagemap, self._mem):
            if fd >= 0:
                os.close(fd)
        self._pagemap = self._mem = -1

    def pieces(self, region: Region, most_bytes: int) -> Iterator[Piece]:
        """Ranges of at most 256 KiB that are in memory, about `most_bytes` in all, evenly spread over what is resident."""
        share = min(1.0, most_bytes / max(1, region.rss_bytes))
        credit = _WINDOW_PAGES / 2
        for start in range(region.start, region.end, WINDOW_BYTES):
            present = self._present(start, min(WINDOW_BYTES, region.end - start) // _PAGE_BYTES)
            pages = present.count(1)
            credit += pages * share
            if pages and credit >= pages:
                credit -= pages
                yield from _runs(start, present)

    def read(self, piece: Piece) -> bytes:
        """What is there now; less, or nothing, when the target has given it back meanwhile."""
        try:
            return os.pread(self._mem, piece.size_bytes, piece.start)
        except OSError:
            return b""

    def _present(self, start: int, pages: int) -> bytes:
        """One byte a page, 1 for those in memory."""
        try:
            entries = os.pread(self._pagemap, pages * _ENTRY_BYTES, start // _PAGE_BYTES * _ENTRY_BYTES)
        except OSError:
            return b""
        return bytes(last >= _PRESENT for last in entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES])


def _runs(start: int, present: bytes) -> Iterator[Piece]:
    at = present.find(1)
    while at >= 0:
        end = present.find(0, at)
        end = end if end >= 0 else len(present)
        yield Piece(start + at * _PAGE_BYTES, (end - at) * _PAGE_BYTES)
        at = present.find(1, end)


def memory_denied(what: str) -> Skip:
    """Reading memory is an attach to the kernel (PTRACE_MODE_ATTACH_FSCREDS), also where nothing is stopped."""
    return Skip(
        "PermissionDenied",
        f"{what} cannot be read: {yama_says() or 'run the collector as the user and group of the target'}, "
        "with no fewer capabilities than it has",
    )


def yama_says() -> str:
    """Which right Yama withholds on this node; "" where it is absent or lets processes of one user read each other."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", "rb") as scope:
            level = scope.read(8).strip()
    except OSError:
        return ""
    if level in (b"", b"0"):
        return ""
    right = "no right allows it" if level == b"3" else "it needs CAP_SYS_PTRACE"
    return f"kernel.yama.ptrace_scope is {level.decode('ascii', 'replace')} on this node, so {right}"
