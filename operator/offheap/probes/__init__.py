"""The probes that there are, mildest first. A new one is a file here, a file in the collector, and a line in this list."""

from __future__ import annotations

from offheap.api.words import Intrusion, allows
from offheap.probes import (
    buffer_pools,
    cgroup,
    gdb,
    gperftools,
    jemalloc,
    jvm,
    malloc_info,
    memory,
    nativemem,
    nmt,
    perf,
    pmap,
    process,
    smaps,
)
from offheap.probes.probe import Probe

PROBES: tuple[Probe, ...] = (
    process.PROBE,
    cgroup.PROBE,
    smaps.PROBE,
    pmap.PROBE,
    jvm.PROBE,
    nmt.PROBE,
    malloc_info.PROBE,
    buffer_pools.PROBE,
    nativemem.PROBE,
    perf.PROBE,
    memory.PROBE,
    gdb.PROBE,
    jemalloc.PROBE,
    gperftools.PROBE,
)


def for_level(level: Intrusion) -> tuple[Probe, ...]:
    """The probes of an investigation that may go as far as `level`."""
    return tuple(probe for probe in PROBES if allows(level, probe.level))


def by_name(name: str) -> Probe | None:
    """The probe that calls itself so in the stream; None for one of a later or earlier collector."""
    return next((probe for probe in PROBES if probe.name == name), None)
