"""The rules: one file a kind of verdict, data in, a finding or None out. The registry is the list below.

Its order is the decision tree's (docs/sources.md): what is no leak of the JVM first, then the heap, then NMT's categories,
then what NMT does not see. Order breaks ties only; the leading finding is the one that explains most.
"""

from __future__ import annotations

from collections.abc import Callable

from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.rules import (
    awaiting_gc,
    code_cache,
    direct_memory,
    gc_structures,
    glibc_retention,
    java_heap,
    jit_compiler,
    limit_too_small,
    mapped_files,
    metaspace,
    native_malloc,
    native_mmap,
    other_nmt,
    page_cache,
    side_process,
    threads,
    tmpfs,
    without_nmt,
)

Rule = Callable[[Case], Finding | None]

RULES: tuple[Rule, ...] = (
    page_cache.judge,
    mapped_files.judge,
    tmpfs.judge,
    java_heap.judge,
    limit_too_small.judge,
    threads.judge,
    metaspace.judge,
    code_cache.judge,
    jit_compiler.judge,
    gc_structures.judge,
    direct_memory.judge,
    other_nmt.judge,
    awaiting_gc.judge,
    glibc_retention.judge,
    native_malloc.judge,
    native_mmap.judge,
    without_nmt.judge,
    side_process.judge,
)
