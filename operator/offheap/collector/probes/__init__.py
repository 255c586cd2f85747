"""The probes that the collector can run, in the order in which they are taken: the cheapest first, so that a target that
dies in the middle has told the most. But what loads code into the JVM comes before what measures its memory, for what it
adds there would look like growth after the first instant."""

from __future__ import annotations

from offheap.collector.probes import (
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
    process,
    smaps,
)
from offheap.collector.visit import Take

TAKES: tuple[Take, ...] = (
    nativemem.START,
    *buffer_pools.TAKES,
    *cgroup.TAKES,
    *process.TAKES,
    *smaps.TAKES,
    *nmt.TAKES,
    *jvm.TAKES,
    *malloc_info.TAKES,
    *jemalloc.TAKES,
    *gperftools.TAKES,
    *nativemem.TAKES,
    *perf.TAKES,
    *memory.TAKES,
    *gdb.TAKES,
    *malloc_info.EXPERIMENTS,
)
