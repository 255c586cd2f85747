"""What each mapping of a JVM is for: heap, stacks, code, class space, archives, libraries, files, malloc, the rest.

The kernel names only files. Everything else is told by shape: the heap by the range that the JVM itself prints, stacks
by their guard pages, glibc arenas by their 64 MiB alignment, compiled code by being writable and executable at once. The
shapes were measured on JDK 8 to 25 with glibc; what fits none of them is `OTHER_ANON`, never guessed further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from offheap.evidence.smaps import Mapping

_ARENA_BYTES = 64 << 20
"""glibc HEAP_MAX_SIZE on 64 bit: an arena's heap is aligned to it and never crosses it (malloc/arena.c)."""
_MAX_GUARD_BYTES = 64 << 10
"""Guards measured: 4 KiB (VM threads), 12 KiB (Java threads of JDK 8), 16 KiB (later)."""
_MIN_STACK_BYTES, _MAX_STACK_BYTES = 32 << 10, 64 << 20
_CLASS_SPACE_BYTES = 1 << 30
"""CompressedClassSpaceSize's default."""
_COMPRESSED_OOPS_LIMIT = 32 << 30

_TMPFS = "/dev/shm/"  # noqa: S108 - a prefix to recognise, nothing is written there
_JAVA_HEAP_MEMFD = "/memfd:java_heap"
_LIBRARY = re.compile(r"\.so(?:\.[\w.-]+)?$|/ld-[\w.-]+$|/lib/modules$|/bin/java$")


class MappingClass(Enum):
    """The use of a mapping."""

    HEAP = "heap"
    STACKS = "stacks"
    CODE_CACHE = "codeCache"
    CLASS_SPACE = "classSpace"
    CDS = "cds"
    LIBRARIES = "libraries"
    MAPPED_FILES = "mappedFiles"
    SHARED_MEMORY = "sharedMemory"
    ARENAS = "arenas"
    BRK_HEAP = "brkHeap"
    OTHER_ANON = "otherAnon"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class ClassTotal:
    """The mappings of one class together, bytes."""

    count: int = 0
    size_bytes: int = 0
    rss_bytes: int = 0
    pss_bytes: int = 0
    anonymous_bytes: int = 0
    swap_bytes: int = 0

    @property
    def file_bytes(self) -> int:
        """Resident pages that still belong to a file or to shared memory."""
        return max(0, self.rss_bytes - self.anonymous_bytes)


@dataclass(frozen=True, slots=True)
class MappingTotals:
    """A whole address space by class. A class without a mapping has zeros."""

    by_class: tuple[tuple[MappingClass, ClassTotal], ...]

    def of(self, kind: MappingClass) -> ClassTotal:
        return next((total for known, total in self.by_class if known is kind), ClassTotal())

    @property
    def anonymous_bytes(self) -> int:
        return sum(total.anonymous_bytes for _, total in self.by_class)


HeapRange = tuple[int, int]


def classify(
    mappings: Sequence[Mapping], heap: Sequence[HeapRange] = (), max_heap_bytes: int | None = None
) -> tuple[MappingClass, ...]:
    """The class of each mapping, in the order given (which must be by address, as the kernel prints them).

    `heap` holds the ranges that the JVM gave; without them a range is guessed from `max_heap_bytes`.
    """
    ranges = tuple(heap) or _guess_heap(mappings, max_heap_bytes)
    stacks = _stack_starts(mappings)
    arenas = _arena_starts(mappings)
    class_space = _class_space_starts(mappings, ranges, arenas)
    return tuple(_class_of(mapping, ranges, stacks, arenas, class_space) for mapping in mappings)


def totals(mappings: Sequence[Mapping], classes: Sequence[MappingClass]) -> MappingTotals:
    """Sums by class."""
    sums = {kind: [0, 0, 0, 0, 0, 0] for kind in MappingClass}
    for mapping, kind in zip(mappings, classes, strict=True):
        total = sums[kind]
        total[0] += 1
        total[1] += mapping.size_bytes
        total[2] += mapping.rss_bytes
        total[3] += mapping.pss_bytes
        total[4] += mapping.anonymous_bytes
        total[5] += mapping.swap_bytes
    return MappingTotals(tuple((kind, ClassTotal(*total)) for kind, total in sums.items() if total[0]))


def _class_of(
    mapping: Mapping,
    heap: Sequence[HeapRange],
    stacks: frozenset[int],
    arenas: frozenset[int],
    class_space: frozenset[int],
) -> MappingClass:
    path = mapping.path
    if path.startswith(_JAVA_HEAP_MEMFD) or any(mapping.start < end and start < mapping.end for start, end in heap):
        return MappingClass.HEAP
    if path:
        return _class_of_named(mapping)
    if mapping.is_shared:
        return MappingClass.SHARED_MEMORY
    if mapping.permissions[1:3] == "wx":
        return MappingClass.CODE_CACHE
    if mapping.start in stacks:
        return MappingClass.STACKS
    if mapping.start in arenas:
        return MappingClass.ARENAS
    if mapping.start in class_space:
        return MappingClass.CLASS_SPACE
    return MappingClass.OTHER_ANON


def _class_of_named(mapping: Mapping) -> MappingClass:
    path = mapping.path.removesuffix(" (deleted)")
    if path == "[heap]":
        return MappingClass.BRK_HEAP
    if path == "[stack]" or path.startswith("[anon: glibc: pthread"):
        return MappingClass.STACKS
    if path.startswith("[anon: glibc: malloc"):
        return MappingClass.ARENAS
    if path.startswith("[anon"):
        return MappingClass.OTHER_ANON
    if path.startswith("["):
        return MappingClass.KERNEL
    if path.startswith(("/memfd:", "/SYSV", _TMPFS, "/dev/zero")):
        return MappingClass.SHARED_MEMORY
    if path.endswith(".jsa"):
        return MappingClass.CDS
    if _LIBRARY.search(path) or "x" in mapping.permissions:
        return MappingClass.LIBRARIES
    return MappingClass.MAPPED_FILES


def _guess_heap(mappings: Sequence[Mapping], max_heap_bytes: int | None) -> tuple[HeapRange, ...]:
    """Where a heap with compressed references lies: the lowest large unnamed run below 32 GiB, max_heap_bytes long."""
    if not max_heap_bytes or any(mapping.path.startswith(_JAVA_HEAP_MEMFD) for mapping in mappings):
        return ()
    low = [run for run in _unnamed_runs(mappings) if run[0].start < _COMPRESSED_OOPS_LIMIT]
    for run in low:
        if run[-1].end - run[0].start >= max_heap_bytes // 2:
            return ((run[0].start, run[0].start + max_heap_bytes),)
    return ()


def _stack_starts(mappings: Sequence[Mapping]) -> frozenset[int]:
    return frozenset(
        stack.start
        for guard, stack in pairwise(mappings)
        if guard.is_reserved_only
        and guard.is_unnamed
        and guard.size_bytes <= _MAX_GUARD_BYTES
        and guard.end == stack.start
        and stack.is_unnamed
        and stack.permissions == "rw-p"
        and _MIN_STACK_BYTES <= stack.size_bytes <= _MAX_STACK_BYTES
    )


def _arena_starts(mappings: Sequence[Mapping]) -> frozenset[int]:
    """Starts of the mappings that are (mostly) heaps of glibc arenas, with their unused rest.

    The kernel may merge an arena's used part with a neighbour before it; it counts as arena when most of it is. One that is
    full has no rest: it is told by lying exactly on both bounds, above where a heap may lie, which is often as even.
    """
    starts = {
        mapping.start
        for mapping in mappings
        if mapping.is_unnamed
        and mapping.permissions == "rw-p"
        and mapping.start >= _COMPRESSED_OOPS_LIMIT
        and mapping.start % _ARENA_BYTES == 0
        and mapping.end % _ARENA_BYTES == 0
    }
    for used, rest in pairwise(mappings):
        if not (used.is_unnamed and used.permissions == "rw-p" and rest.is_unnamed and rest.is_reserved_only):
            continue
        arena_start = rest.end - _ARENA_BYTES
        if (
            used.end == rest.start
            and rest.end % _ARENA_BYTES == 0
            and rest.size_bytes < _ARENA_BYTES
            and 2 * (used.end - max(arena_start, used.start)) >= used.size_bytes
            and used.start <= arena_start
        ):
            starts.update((used.start, rest.start))
    return frozenset(starts)


def _class_space_starts(
    mappings: Sequence[Mapping], heap: Sequence[HeapRange], arenas: frozenset[int]
) -> frozenset[int]:
    """The run of unnamed mappings that is reserved for compressed class pointers: it follows the CDS archive, or the
    heap itself (JDK 8 and 11 without an archive), or is exactly as large as the option's default."""
    heads = {mapping.end for mapping in mappings if mapping.path.endswith(".jsa")} | {end for _, end in heap}
    starts: set[int] = set()
    for run in _unnamed_runs(mappings, arenas):
        size = run[-1].end - run[0].start
        follows = run[0].start in heads and any(mapping.is_reserved_only for mapping in run)
        if size == _CLASS_SPACE_BYTES or (follows and size >= _ARENA_BYTES):
            starts.update(mapping.start for mapping in run)
    return frozenset(starts)


def _unnamed_runs(mappings: Iterable[Mapping], without: frozenset[int] = frozenset()) -> list[list[Mapping]]:
    """Unnamed private mappings without execute right that touch each other."""
    runs: list[list[Mapping]] = []
    for mapping in mappings:
        if not mapping.is_unnamed or "x" in mapping.permissions or mapping.start in without:
            continue
        if runs and runs[-1][-1].end == mapping.start:
            runs[-1].append(mapping)
        else:
            runs.append([mapping])
    return runs
