"""/proc/PID/status: what one process has resident, and how many threads it runs. Grammar: fs/proc/array.c."""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_LINE = re.compile(r"^(\w[\w-]{0,40}):[ \t]*(.*)$")
_SIZE = re.compile(r"^(\d{1,19}) kB$")
_WORD = re.compile(r"^\d{1,19}$")


@dataclass(frozen=True, slots=True)
class ProcStatus:
    """Sizes in bytes. A kernel thread or a zombie has no sizes: they are 0 then."""

    name: str
    pid: int | None
    threads: int
    rss_bytes: int
    rss_anon_bytes: int
    rss_file_bytes: int
    rss_shmem_bytes: int
    swap_bytes: int
    peak_rss_bytes: int
    size_bytes: int


def parse_status(text: str) -> ProcStatus:
    """Read the text of /proc/PID/status. Raises EvidenceError on a foreign line or when Name or Threads is missing."""
    values: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _LINE.match(line)
        if found is None:
            raise EvidenceError("not a line `Name: value`", number)
        values[found[1]] = (found[2].strip(), number)
    if "Name" not in values:
        raise EvidenceError("the line Name is missing", 1)
    threads = _count(values, "Threads")
    if threads is None:
        raise EvidenceError("the line Threads is missing", 1)
    return ProcStatus(
        name=values["Name"][0][:64],
        pid=_count(values, "Pid"),
        threads=threads,
        rss_bytes=_size(values, "VmRSS"),
        rss_anon_bytes=_size(values, "RssAnon"),
        rss_file_bytes=_size(values, "RssFile"),
        rss_shmem_bytes=_size(values, "RssShmem"),
        swap_bytes=_size(values, "VmSwap"),
        peak_rss_bytes=_size(values, "VmHWM"),
        size_bytes=_size(values, "VmSize"),
    )


def _size(values: dict[str, tuple[str, int]], name: str) -> int:
    if name not in values:
        return 0
    text, number = values[name]
    found = _SIZE.match(text)
    if found is None:
        raise EvidenceError(f"{name} is not a size in kB", number)
    return int(found[1]) << 10


def _count(values: dict[str, tuple[str, int]], name: str) -> int | None:
    if name not in values:
        return None
    text, number = values[name]
    if not _WORD.match(text):
        raise EvidenceError(f"{name} is not a number", number)
    return int(text)
