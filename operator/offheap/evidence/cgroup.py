"""The memory controller's files of one container, version 1 and 2, brought to the same words.

All sizes are bytes. Version 1 counts cache where version 2 counts file, rss where 2 counts anon, and holds kernel
memory in a counter of its own; `total_` fields include children and are preferred. Sources: the kernel's
Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as StrMapping
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_NO_LIMIT_FROM = 1 << 62
"""Version 1 writes "no limit" as the largest page-aligned number below 2^63."""
_NUMBER = re.compile(r"^\d{1,20}$")
_STAT_LINE = re.compile(r"^([A-Za-z_][\w.]{0,60})\s+(\d{1,20})(?:\s+kB)?$")
_PRESSURE = re.compile(r"^(some|full) avg10=(\d{1,3}\.\d{1,3}) avg60=\S+ avg300=\S+ total=(\d{1,20})$")


@dataclass(frozen=True, slots=True)
class CgroupMemory:
    """What the kernel charges to the container. None: this kernel or version does not tell.

    `file_bytes` includes `shmem_bytes` (tmpfs, shared memory). `kernel_bytes` includes slab, kernel stacks and page
    tables; sockets are apart.
    """

    version: int
    usage_bytes: int
    limit_bytes: int | None
    anon_bytes: int
    file_bytes: int
    shmem_bytes: int = 0
    kernel_bytes: int = 0
    slab_bytes: int = 0
    sock_bytes: int = 0
    file_mapped_bytes: int = 0
    file_dirty_bytes: int = 0
    active_file_bytes: int = 0
    inactive_file_bytes: int = 0
    swap_bytes: int = 0
    peak_bytes: int | None = None
    oom_count: int | None = None
    oom_kill_count: int | None = None
    pressure_some_avg10: float | None = None
    above_usage_bytes: int | None = None
    above_limit_bytes: int | None = None
    """Usage and limit of what the container lies in, its pod as a rule; with version 1 the lowest limit of all above."""

    @property
    def working_set_bytes(self) -> int:
        """What the kubelet reports and evicts by: usage without the file pages that nobody used lately."""
        return max(0, self.usage_bytes - self.inactive_file_bytes)


def parse_cgroup(version: int, files: StrMapping[str, str], above: StrMapping[str, str] | None = None) -> CgroupMemory:
    """Read the files of one cgroup, by file name, and usage and limit of one above it. Needs at least the container's usage
    and memory.stat.

    Raises EvidenceError (its line counts inside the file it names) when one of these is missing or malformed.
    """
    if version == 2:
        return _version_2(files, above or {})
    if version == 1:
        return _version_1(files, above or {})
    raise EvidenceError(f"cgroup version {version!r} is neither 1 nor 2")


def parse_stat(text: str, name: str = "memory.stat") -> dict[str, int]:
    """Read `key value` lines. Raises EvidenceError on any other line."""
    values: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _STAT_LINE.match(line.strip())
        if found is None:
            raise EvidenceError(f"{name}: not a name and a number", number)
        values[found[1]] = int(found[2])
    return values


def _version_2(files: StrMapping[str, str], above: StrMapping[str, str]) -> CgroupMemory:
    stat = parse_stat(_required(files, "memory.stat"))
    events = parse_stat(files.get("memory.events", ""), "memory.events")
    slab = stat.get("slab", stat.get("slab_reclaimable", 0) + stat.get("slab_unreclaimable", 0))
    # `kernel` came with Linux 5.18; before it the parts have to be added.
    parts = slab + stat.get("kernel_stack", 0) + stat.get("pagetables", 0) + stat.get("percpu", 0)
    return CgroupMemory(
        version=2,
        usage_bytes=_number(_required(files, "memory.current"), "memory.current"),
        limit_bytes=_limit(files.get("memory.max"), "memory.max"),
        anon_bytes=stat.get("anon", 0),
        file_bytes=stat.get("file", 0),
        shmem_bytes=stat.get("shmem", 0),
        kernel_bytes=stat.get("kernel", parts),
        slab_bytes=slab,
        sock_bytes=stat.get("sock", 0),
        file_mapped_bytes=stat.get("file_mapped", 0),
        file_dirty_bytes=stat.get("file_dirty", 0),
        active_file_bytes=stat.get("active_file", 0),
        inactive_file_bytes=stat.get("inactive_file", 0),
        swap_bytes=_optional(files.get("memory.swap.current"), "memory.swap.current") or 0,
        peak_bytes=_optional(files.get("memory.peak"), "memory.peak"),
        oom_count=events.get("oom"),
        oom_kill_count=events.get("oom_kill"),
        pressure_some_avg10=_pressure(files.get("memory.pressure", "")),
        above_usage_bytes=_optional(above.get("memory.current"), "memory.current"),
        above_limit_bytes=_limit(above.get("memory.max"), "memory.max"),
    )


def _version_1(files: StrMapping[str, str], above: StrMapping[str, str]) -> CgroupMemory:
    stat = parse_stat(_required(files, "memory.stat"))
    oom = parse_stat(files.get("memory.oom_control", ""), "memory.oom_control")

    def value(name: str) -> int:
        return stat.get(f"total_{name}", stat.get(name, 0))

    limit = _limit(files.get("memory.limit_in_bytes"), "memory.limit_in_bytes")
    lowest = stat.get("hierarchical_memory_limit", _NO_LIMIT_FROM)
    return CgroupMemory(
        version=1,
        usage_bytes=_number(_required(files, "memory.usage_in_bytes"), "memory.usage_in_bytes"),
        limit_bytes=limit,
        anon_bytes=value("rss"),
        file_bytes=value("cache"),
        shmem_bytes=value("shmem"),
        kernel_bytes=_optional(files.get("memory.kmem.usage_in_bytes"), "memory.kmem.usage_in_bytes") or 0,
        sock_bytes=_optional(files.get("memory.kmem.tcp.usage_in_bytes"), "memory.kmem.tcp.usage_in_bytes") or 0,
        file_mapped_bytes=value("mapped_file"),
        file_dirty_bytes=value("dirty"),
        active_file_bytes=value("active_file"),
        inactive_file_bytes=value("inactive_file"),
        swap_bytes=value("swap"),
        peak_bytes=_optional(files.get("memory.max_usage_in_bytes"), "memory.max_usage_in_bytes"),
        oom_count=_optional(files.get("memory.failcnt"), "memory.failcnt"),
        oom_kill_count=oom.get("oom_kill"),
        pressure_some_avg10=_pressure(files.get("memory.pressure", "")),
        above_usage_bytes=_optional(above.get("memory.usage_in_bytes"), "memory.usage_in_bytes"),
        above_limit_bytes=_lower(_limit(above.get("memory.limit_in_bytes"), "memory.limit_in_bytes"), lowest, limit),
    )


def _lower(told: int | None, lowest: int, own: int | None) -> int | None:
    """The limit above: what was read there, else the lowest of all when it is lower than the container's own."""
    if told is not None or lowest >= _NO_LIMIT_FROM:
        return told
    return lowest if own is None or lowest < own else None


def _required(files: StrMapping[str, str], name: str) -> str:
    text = files.get(name)
    if text is None:
        raise EvidenceError(f"{name} is missing")
    return text


def _number(text: str, name: str) -> int:
    if not _NUMBER.match(text.strip()):
        raise EvidenceError(f"{name}: not a number", 1)
    return int(text)


def _optional(text: str | None, name: str) -> int | None:
    return None if text is None else _number(text, name)


def _limit(text: str | None, name: str) -> int | None:
    if text is None or text.strip() == "max":
        return None
    limit = _number(text, name)
    return None if limit >= _NO_LIMIT_FROM else limit


def _pressure(text: str) -> float | None:
    for line in text.splitlines():
        found = _PRESSURE.match(line.strip())
        if found and found[1] == "some":
            return float(found[2])
    return None
