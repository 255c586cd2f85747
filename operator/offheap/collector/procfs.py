"""Reads /proc of other processes: bounded, never raising for what a process may do (exit, rename itself, deny).

Formats: proc_pid_stat(5), proc_pid_status(5), proc_pid_maps(5), proc_pid_mountinfo(5). The parsers are total: any bytes
give a value or None.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from offheap.collector.text import clean

_MOST_BYTES = 256 << 10
_MOST_MAPS_BYTES = 128 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Stat(NamedTuple):
    """What /proc/PID/stat tells everybody. `start_time_ticks` is counted from boot and names the process for good."""

    comm: str
    state: str
    parent: int
    threads: int
    start_time_ticks: int
    rss_bytes: int


class Status(NamedTuple):
    """What /proc/PID/status tells everybody. Effective ids and capabilities; `nspid` is its pid in its own namespace."""

    uid: int
    gid: int
    nspid: int
    cap_eff: str
    caught_signals: int


class Mount(NamedTuple):
    """One line of mountinfo. `root` is the part of the file system that is mounted at `point`."""

    root: str
    point: str
    read_only: bool
    kind: str
    super_options: tuple[str, ...]


def parse_stat(raw: bytes) -> Stat | None:
    """The name is in brackets and may hold anything, brackets and spaces too: it ends at the last bracket."""
    start, end = raw.find(b"("), raw.rfind(b")")
    fields = raw[end + 1 :].split()
    if start < 0 or end < start or len(fields) < 22:
        return None
    try:
        parent, threads, ticks, pages = (int(fields[index]) for index in (1, 17, 19, 21))
    except ValueError:
        return None
    state = fields[0].decode("ascii", "replace")
    return Stat(clean(raw[start + 1 : end]), state, parent, threads, ticks, max(0, pages) * _PAGE_BYTES)


def parse_status(raw: bytes) -> Status | None:
    values: dict[bytes, bytes] = {}
    for line in raw.split(b"\n"):
        key, _, value = line.partition(b":")
        # The first wins: a process that names itself "x\nUid: 0" is escaped by the kernel, but nothing rests on it.
        values.setdefault(key, value.strip())
    try:
        return Status(
            uid=int(values[b"Uid"].split()[1]),
            gid=int(values[b"Gid"].split()[1]),
            nspid=int(values.get(b"NSpid", values[b"Pid"]).split()[-1]),
            cap_eff=f"{int(values[b'CapEff'], 16):016x}",
            caught_signals=int(values[b"SigCgt"], 16),
        )
    except (KeyError, ValueError, IndexError):
        return None


def parse_mountinfo(raw: bytes) -> tuple[Mount, ...]:
    mounts = []
    for line in raw.decode("utf-8", "replace").split("\n"):
        before, dash, after = line.partition(" - ")
        fields, tail = before.split(" "), after.split(" ")
        if not dash or len(fields) < 6 or len(tail) < 3:
            continue
        options = (*fields[5].split(","), *tail[2].split(","))
        root, point = _unescape(fields[3]), _unescape(fields[4])
        mounts.append(Mount(root, point, "ro" in options, tail[0], tuple(tail[2].split(","))))
    return tuple(mounts)


def mount_of(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """The mount that a path lies on: the longest mount point that leads to it, the last of equals."""
    best: Mount | None = None
    for mount in mounts:
        point = mount.point.rstrip("/")
        leads = path == point or path.startswith(point + "/")
        if leads and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def mapped_path(line: bytes) -> str:
    """The file of one line of maps, "" for anonymous memory."""
    fields = line.rstrip(b"\n").split(None, 5)
    return clean(fields[5]).removesuffix(" (deleted)") if len(fields) == 6 else ""


class Proc:
    """A /proc file system. `root` is another one in tests."""

    def __init__(self, root: str = "/proc") -> None:
        self.root = root

    def path(self, pid: int, name: str) -> str:
        return f"{self.root}/{pid}/{name}"

    def read(self, pid: int, name: str, most_bytes: int = _MOST_BYTES) -> bytes:
        """Raises OSError."""
        with open(self.path(pid, name), "rb", buffering=0) as file:
            parts = []
            while most_bytes > 0 and (part := file.read(min(most_bytes, 64 << 10))):
                parts.append(part)
                most_bytes -= len(part)
            return b"".join(parts)

    def pids(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(self.root) if name.isdecimal())

    def stat(self, pid: int) -> Stat | None:
        """None: it is gone."""
        return parse_stat(self._read_or_nothing(pid, "stat"))

    def stat_of_thread(self, pid: int, tid: int) -> Stat | None:
        return parse_stat(self._read_or_nothing(pid, f"task/{tid}/stat"))

    def status(self, pid: int) -> Status | None:
        return parse_status(self._read_or_nothing(pid, "status"))

    def start_time_ticks(self, pid: int) -> int | None:
        """None when it is gone or dead (a zombie has no memory left to read)."""
        stat = self.stat(pid)
        return None if stat is None or stat.state in "ZX" else stat.start_time_ticks

    def arguments(self, pid: int) -> list[str]:
        """The command line's words; empty when it is gone."""
        words = self._read_or_nothing(pid, "cmdline").split(b"\0")
        return [word.decode("utf-8", "replace") for word in (words[:-1] if words[-1] == b"" else words)]

    def exe(self, pid: int) -> str | None:
        """Where its program lies in its own file system; None when we may not know."""
        try:
            return os.readlink(self.path(pid, "exe")).removesuffix(" (deleted)")
        except OSError:
            return None

    def mapped_files(self, pid: int) -> set[str]:
        """The files that it has mapped. Raises OSError when we may not know."""
        files: set[str] = set()
        read = 0
        with open(self.path(pid, "maps"), "rb") as maps:
            for line in maps:
                read += len(line)
                path = mapped_path(line)
                if path.startswith("/") and len(files) < 10_000:
                    files.add(path)
                if read > _MOST_MAPS_BYTES:
                    break
        return files

    def thread_names(self, pid: int, most: int = 50_000) -> Iterator[str]:
        """The kernel's names of its threads (15 bytes at most). Raises OSError."""
        for tid in os.listdir(self.path(pid, "task"))[:most]:
            yield clean(self._read_or_nothing(pid, f"task/{tid}/comm").rstrip(b"\n"))

    def mounts(self, pid: int) -> tuple[Mount, ...]:
        return parse_mountinfo(self._read_or_nothing(pid, "mountinfo"))

    def _read_or_nothing(self, pid: int, name: str) -> bytes:
        try:
            return self.read(pid, name)
        except OSError:
            return b""


def _unescape(path: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path
