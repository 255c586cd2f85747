"""The kernel's account of the target's container: usage, limit, and what it is made of.

Read where the target sees it, below /proc/PID/root: the collector's own /sys/fs/cgroup shows the collector's container.
It is looked up in the target's mountinfo, because the place differs between versions, runtimes and cgroup namespaces.
"""

from __future__ import annotations

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
_MOST_BYTES = 32 << 10
_NO_LIMIT_FROM = 1 << 60


def take_memory(visit: Visit) -> Taken:
    version, files = read_memory(visit.proc, visit.jvm.target.pid)
    return Taken({"version": version, "files": files})


TAKES = (Take("cgroup", "memory", ALWAYS, take_memory),)


def read_memory(proc: Proc, pid: int) -> tuple[int, dict[str, str]]:
    """The version, 1 or 2, and the raw texts of the files that exist. Raises Skip."""
    for version, folder in _folders(proc, pid):
        files = {}
        for name in _FILES[version]:
            try:
                files[name] = clean(read_in_root(proc.path(pid, "root"), f"{folder}/{name}", _MOST_BYTES))
            except OSError:
                continue
        if "memory.stat" in files:
            return version, files
    raise Skip(
        "CgroupUnreadable", "the target's memory cgroup is not visible below its /sys/fs/cgroup, or may not be read"
    )


def headroom_bytes(version: int, files: dict[str, str]) -> int | None:
    """What can still be charged before the kernel kills: limit - (usage - what it can drop first). None: no limit."""
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    limit, usage = (_number(files.get(name, "")) for name in names)
    stat = dict(line.partition(" ")[::2] for line in files.get("memory.stat", "").split("\n"))
    reclaimable = _number(stat.get("total_inactive_file", stat.get("inactive_file", ""))) or 0
    if version == 1:
        # The pod's limit counts as well; version 2 has no such line.
        limits = [value for value in (limit, _number(stat.get("hierarchical_memory_limit", ""))) if value is not None]
        limit = min(limits, default=None)
    if limit is None or usage is None or limit >= _NO_LIMIT_FROM:
        return None
    return max(0, limit - max(0, usage - reclaimable))


def _folders(proc: Proc, pid: int) -> list[tuple[int, str]]:
    """Where the target may find its own memory cgroup, the most exact first."""
    try:
        own = proc.read(pid, "cgroup", 16 << 10).decode("utf-8", "replace")
    except OSError:
        own = ""
    folders = []
    for mount in proc.mounts(pid):
        if mount.kind == "cgroup2":
            folders += [(2, folder) for folder in _in_mount(mount, _path(own, ""))]
        elif mount.kind == "cgroup" and "memory" in mount.super_options:
            folders += [(1, folder) for folder in _in_mount(mount, _path(own, "memory"))]
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
