"""Which anonymous memory grew since the first instant: the address ranges whose content may tell what leaks.

Heap, thread stacks, compressed class space, code and files are left out, by the shapes that `evidence.mappings` knows too
(the two programs share no code). What is remembered between the instants is three numbers a mapping.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.visit import Visit

LEAST_GROWTH_BYTES = 128 << 10
"""Less is what any thread's own buffers do."""

_HEADER = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$")
_HEAP_RANGE = re.compile(r"\[0x([0-9a-f]{1,16}), 0x([0-9a-f]{1,16})(?:, 0x([0-9a-f]{1,16}))?\)")
_MALLOC_NAMES = (b"[heap]", b"[anon: glibc: malloc")
_MOST_MAPPINGS = 65_536
_MOST_GUARD_BYTES = 64 << 10
_LEAST_STACK_BYTES, _MOST_STACK_BYTES = 32 << 10, 64 << 20
_COMPRESSED_OOPS_LIMIT = 32 << 30


class Region(NamedTuple):
    """A readable and writable anonymous mapping [start, end), what is resident of it, and by how much that grew. Bytes."""

    start: int
    end: int
    rss_bytes: int
    grown_bytes: int = 0


class Mapping(NamedTuple):
    start: int
    end: int
    permissions: bytes
    name: bytes
    rss_bytes: int


def remember(visit: Visit) -> array[int]:
    """Start, end and resident bytes of each anonymous region, flat: what `growing` compares with. Raises Skip."""
    seen = array("Q")
    for mapping in mappings(visit):
        if mapping.rss_bytes and is_anonymous(mapping):
            seen.extend((mapping.start, mapping.end, mapping.rss_bytes))
    return seen


def growing(visit: Visit, before: Sequence[int] | None, most: int) -> tuple[Region, ...]:
    """The regions that grew most since `before` was remembered, at most so many, the greatest first. Raises Skip."""
    if before is None:
        raise Skip("NoBaseline", "the mappings could not be read at the first instant, so none can be said to grow")
    grown = [
        region._replace(grown_bytes=region.rss_bytes - was)
        for region, was in _with_before(candidates(visit), before)
        if region.rss_bytes - was >= LEAST_GROWTH_BYTES
    ]
    return tuple(sorted(grown, key=lambda region: -region.grown_bytes)[:most])


def candidates(visit: Visit) -> list[Region]:
    """The anonymous regions that are neither heap, nor stack, nor class space, by address."""
    heap = heap_ranges(visit)
    guess = _HeapGuess(visit.jvm.identity.get("max_heap_bytes"))
    # By start: the kernel can list a mapping twice that grows while smaps is read, and the later one holds.
    found: dict[int, Region] = {}
    guard_end = class_space_end = -1
    heads = {end for _, end in heap}
    for mapping in mappings(visit):
        guess.see(mapping)
        size_bytes = mapping.end - mapping.start
        if mapping.name.endswith(b".jsa"):
            class_space_end = mapping.end
        elif mapping.start in heads or mapping.start == class_space_end:
            # Reserved behind the CDS archive, or behind the heap where there is no archive.
            class_space_end = mapping.end if not mapping.name else -1
        in_class_space = class_space_end == mapping.end
        is_stack = guard_end == mapping.start and _LEAST_STACK_BYTES <= size_bytes <= _MOST_STACK_BYTES
        is_guard = mapping.permissions == b"---p" and not mapping.name and size_bytes <= _MOST_GUARD_BYTES
        guard_end = mapping.end if is_guard else -1
        if is_anonymous(mapping) and mapping.rss_bytes and not is_stack and not in_class_space:
            found[mapping.start] = Region(mapping.start, mapping.end, mapping.rss_bytes)
    ranges = heap or guess.ranges()
    return [one for one in found.values() if not any(one.start < end and start < one.end for start, end in ranges)]


def heap_ranges(visit: Visit) -> tuple[tuple[int, int], ...]:
    """What the JVM says of where its heap lies; nothing when it may not be asked (the question stops nothing)."""
    try:
        text, _ = visit.attach.jcmd("GC.heap_info")
    except Skip:
        return ()
    found = _HEAP_RANGE.findall(text.head)
    return tuple((int(start, 16), int(end or middle, 16)) for start, middle, end in found)


def is_anonymous(mapping: Mapping) -> bool:
    """Private memory of no file that the program may write: also what malloc gave a name."""
    return mapping.permissions == b"rw-p" and (not mapping.name or mapping.name.startswith(_MALLOC_NAMES))


def mappings(visit: Visit) -> Iterator[Mapping]:
    """All of smaps, line by line. Raises Skip."""
    pid = visit.jvm.target.pid
    try:
        with open(visit.proc.path(pid, "smaps"), "rb") as smaps:
            yield from _parsed(smaps)
    except OSError:
        raise permission_denied(f"/proc/{pid}/smaps") from None


def _parsed(lines: Iterator[bytes] | Any) -> Iterator[Mapping]:
    current: Mapping | None = None
    count = 0
    for line in lines:
        if line.startswith(b"Rss:") and current is not None:
            words = line.split()
            if len(words) > 1 and words[1].isdigit():
                current = current._replace(rss_bytes=int(words[1]) << 10)
        elif not line[:1].isupper() and (header := _HEADER.match(line.rstrip(b"\n"))):
            if current is not None:
                yield current
            count += 1
            if count > _MOST_MAPPINGS:
                raise Skip("AnswerTooLarge", f"the target has more than {_MOST_MAPPINGS} mappings")
            current = Mapping(int(header[1], 16), int(header[2], 16), header[3], header[4], 0)
    if current is not None:
        yield current


class _HeapGuess:
    """Where a heap lies that nobody could be asked about: the lowest unnamed run below 32 GiB of about its size."""

    def __init__(self, max_heap_bytes: object) -> None:
        self._heap_bytes = max_heap_bytes if isinstance(max_heap_bytes, int) else 0
        self._start = self._end = 0
        self._found: tuple[tuple[int, int], ...] = ()

    def see(self, mapping: Mapping) -> None:
        if mapping.name or b"x" in mapping.permissions or self._found:
            return
        if mapping.start != self._end:
            self._start = mapping.start
        self._end = mapping.end
        long_enough = self._heap_bytes and self._end - self._start >= self._heap_bytes // 2
        if long_enough and self._start < _COMPRESSED_OOPS_LIMIT:
            self._found = ((self._start, self._start + self._heap_bytes),)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        return self._found


def _with_before(now: list[Region], before: Sequence[int]) -> Iterator[tuple[Region, int]]:
    """Each region with what was resident in the same range before: mappings grow at either end, merge, and are split, so
    an older one counts by the part of it that overlaps. Both lists are by address."""
    index = 0
    for region in now:
        while index + 2 < len(before) and before[index + 1] <= region.start:
            index += 3
        was = 0
        at = index
        while at + 2 < len(before) and before[at] < region.end:
            start, end, rss_bytes = before[at : at + 3]
            overlap = min(end, region.end) - max(start, region.start)
            if overlap > 0:
                was += rss_bytes * overlap // (end - start)
            at += 3
        yield region, was
