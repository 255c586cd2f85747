"""The kernel's account of the target's container: usage, limit, and what it is made of.

Read where the target sees it, below /proc/PID/root: the collector's own /sys/fs/cgroup shows the collector's container.
It is looked up in the target's mountinfo, because the place differs between versions, runtimes and cgroup namespaces.
"""

from __future__ import annotations

from typing import NamedTuple

from offheap.collector.outcome import Skip
from offheap.collector.procfs import Mount, Proc
from offheap.collector.rooted import read_in_root
from offheap.collector.text import clean
from offheap.collector.visit import ALWAYS, Take, Taken, Visit

_FILES = {
    1: (
        "memory.usage_in_bytes",
        "memory.limit_in_bytes",
        "memory.stat",
        "memory.oom_control",
        "memory.max_usage_in_bytes",
        "memory.failcnt",
        "memory.memsw.usage_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.kmem.usage_in_bytes",
        "memory.kmem.tcp.usage_in_bytes",
    ),
    2: (
        "memory.current",
        "memory.max",
        "memory.high",
        "memory.stat",
        "memory.events",
        "memory.peak",
        "memory.pressure",
        "memory.swap.current",
        "memory.swap.max",
    ),
}
_USAGE_AND_LIMIT = {
    1: ("memory.usage_in_bytes", "memory.limit_in_bytes"),
    2: ("memory.current", "memory.max"),
}
_MOST_BYTES = 32 << 10
_NO_LIMIT_FROM = 1 << 60


class Files(NamedTuple):
    """The version, 1 or 2, and the raw texts of the files that exist: of the container, and of the nearest cgroup above it
    that has a limit (the pod's), which is only there where the target sees more than its own."""

    version: int
    files: dict[str, str]
    above: dict[str, str]


def take_memory(visit: Visit) -> Taken:
    version, files, above = read_memory(visit.proc, visit.jvm.target.pid)
    return Taken({"version": version, "files": files, **({"above": above} if above else {})})


TAKES = (Take("cgroup", "memory", ALWAYS, take_memory),)


def read_memory(proc: Proc, pid: int) -> Files:
    """Raises Skip."""
    root = proc.path(pid, "root")
    for version, folder, point in _folders(proc, pid):
        files = _read(root, folder, _FILES[version])
        if "memory.stat" in files:
            return Files(version, files, _above(root, version, folder, point))
    raise Skip(
        "CgroupUnreadable", "the target's memory cgroup is not visible below its /sys/fs/cgroup, or may not be read"
    )


def headroom_bytes(version: int, files: dict[str, str], above: dict[str, str] | None = None) -> int | None:
    """What can still be charged before the kernel kills: limit - (usage - what it can drop first), of the container or of
    what lies above it, whichever is less. None: no limit."""
    usage_name, limit_name = _USAGE_AND_LIMIT[version]
    usage = _number(files.get(usage_name, ""))
    stat = dict(line.partition(" ")[::2] for line in files.get("memory.stat", "").split("\n"))
    reclaimable = _number(stat.get("total_inactive_file", stat.get("inactive_file", ""))) or 0
    rooms = [_room(files.get(limit_name, ""), usage, reclaimable)]
    if version == 1:
        # The lowest limit of all above, which version 2 does not tell.
        rooms.append(_room(stat.get("hierarchical_memory_limit", ""), usage, reclaimable))
    if above:
        rooms.append(_room(above.get(limit_name, ""), _number(above.get(usage_name, "")), reclaimable))
    return min((room for room in rooms if room is not None), default=None)


def _room(limit: str, usage: int | None, reclaimable: int) -> int | None:
    most = _number(limit)
    if most is None or usage is None or most >= _NO_LIMIT_FROM:
        return None
    return max(0, most - max(0, usage - reclaimable))


def _read(root: str, folder: str, names: tuple[str, ...]) -> dict[str, str]:
    files = {}
    for name in names:
        try:
            files[name] = clean(read_in_root(root, f"{folder}/{name}", _MOST_BYTES))
        except OSError:
            continue
    return files


def _above(root: str, version: int, folder: str, point: str) -> dict[str, str]:
    limit_name = _USAGE_AND_LIMIT[version][1]
    while folder != point and folder.startswith(point):
        folder = folder.rpartition("/")[0]
        files = _read(root, folder, _USAGE_AND_LIMIT[version])
        limit = _number(files.get(limit_name, ""))
        if limit is not None and limit < _NO_LIMIT_FROM:
            return files
    return {}


def _folders(proc: Proc, pid: int) -> list[tuple[int, str, str]]:
    """Where the target may find its own memory cgroup, the most exact first, each with its mount's place."""
    try:
        own = proc.read(pid, "cgroup", 16 << 10).decode("utf-8", "replace")
    except OSError:
        own = ""
    folders = []
    for mount in proc.mounts(pid):
        if mount.kind == "cgroup2":
            folders += [(2, folder, mount.point) for folder in _in_mount(mount, _path(own, ""))]
        elif mount.kind == "cgroup" and "memory" in mount.super_options:
            folders += [(1, folder, mount.point) for folder in _in_mount(mount, _path(own, "memory"))]
    return folders


def _path(own: str, controller: str) -> str:
    """The process's path in a hierarchy: lines `number:controllers:path`, version 2 with no controllers."""
    for line in own.split("\n"):
        fields = line.split(":", 2)
        if len(fields) == 3 and controller in fields[1].split(","):
            return fields[2]
    return "/"


def _in_mount(mount: Mount, path: str) -> list[str]:
    """A container usually sees just its own cgroup mounted (root equals path); a host sees all of them."""
    relative = path.removeprefix(mount.root.rstrip("/")) if path.startswith(mount.root) else ""
    exact = mount.point + relative.rstrip("/")
    return [exact] if exact == mount.point else [exact, mount.point]


def _number(text: str) -> int | None:
    word = text.strip()
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 20 else None
