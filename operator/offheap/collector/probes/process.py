"""What /proc says of the process besides its memory, and of the others that are charged to the same cgroup.

A leak of descriptors is often the other half of a leak of memory (sockets with their buffers, mapped or deleted files), and
a child that nobody thinks of fills the limit as well as the JVM does.
"""

from __future__ import annotations

import os

from offheap.collector.outcome import permission_denied
from offheap.collector.processes import survey
from offheap.collector.text import clean, short
from offheap.collector.visit import ALWAYS, EDGES, Take, Taken, Visit

_MOST_DESCRIPTORS = 20_000
_KINDS = (("socket:", "socket"), ("pipe:", "pipe"), ("anon_inode:", "anon"), ("/dev/", "device"), ("/memfd:", "memfd"))


def take_status(visit: Visit) -> Taken:
    pid = visit.jvm.target.pid
    try:
        return Taken(clean(visit.proc.read(pid, "status", 16 << 10)))
    except OSError:
        raise permission_denied(f"/proc/{pid}/status") from None


def take_fds(visit: Visit) -> Taken:
    """How many descriptors are open, of what kind, and how many may be. Beyond 20 000 the kinds are those of the first."""
    pid = visit.jvm.target.pid
    folder = visit.proc.path(pid, "fd")
    try:
        names = os.listdir(folder)
    except OSError:
        raise permission_denied(f"/proc/{pid}/fd") from None
    kinds: dict[str, int] = {}
    deleted = 0
    for name in names[:_MOST_DESCRIPTORS]:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:
            # Closed meanwhile.
            continue
        kind = _kind(target)
        kinds[kind] = kinds.get(kind, 0) + 1
        deleted += kind == "file" and target.endswith(" (deleted)")
    return Taken({"count": len(names), "limit": _limit(visit), "kinds": kinds, "deleted_files": deleted})


def take_others(visit: Visit) -> Taken:
    """The other processes of the target's cgroup; all that can be seen where the cgroup is not told."""
    target = visit.jvm.target.pid
    own = _cgroup(visit, target)
    others = [process for process in survey(visit.proc) if process.pid != target]
    return Taken(
        {
            "processes": [
                {
                    "pid": process.pid,
                    "comm": short(process.comm, 64),
                    "threads": process.threads,
                    "rss_bytes": process.rss_bytes,
                }
                for process in others
                if not own or _cgroup(visit, process.pid) in ("", own)
            ]
        }
    )


def _kind(target: str) -> str:
    return next((kind for start, kind in _KINDS if target.startswith(start)), "file" if target[:1] == "/" else "other")


def _limit(visit: Visit) -> int | None:
    """The soft limit; None when there is none or it is not told."""
    try:
        limits = visit.proc.read(visit.jvm.target.pid, "limits", 16 << 10).decode("ascii", "replace")
    except OSError:
        return None
    for line in limits.split("\n"):
        if line.startswith("Max open files"):
            word = line.removeprefix("Max open files").split()[:1]
            return int(word[0]) if word and word[0].isdecimal() else None
    return None


def _cgroup(visit: Visit, pid: int) -> str:
    try:
        return visit.proc.read(pid, "cgroup", 16 << 10).decode("utf-8", "replace")
    except OSError:
        return ""


TAKES = (
    Take("process", "status", ALWAYS, take_status),
    Take("process", "others", EDGES, take_others),
    Take("process", "fds", EDGES, take_fds),
)
