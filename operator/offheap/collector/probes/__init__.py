"""The probes that the collector can run, in the order in which they are taken: the cheapest first, so that a target that
dies in the middle has told the most."""

from __future__ import annotations

from offheap.collector.probes import buffer_pools, cgroup, gperftools, jemalloc, jvm, memory, nmt, process, smaps
from offheap.collector.visit import Take

TAKES: tuple[Take, ...] = (
    *cgroup.TAKES,
    *process.TAKES,
    *smaps.TAKES,
    *nmt.TAKES,
    *jvm.TAKES,
    *buffer_pools.TAKES,
    *jemalloc.TAKES,
    *gperftools.TAKES,
    *memory.TAKES,
)
