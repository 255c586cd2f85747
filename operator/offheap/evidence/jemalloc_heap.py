"""Reader of jemalloc's heap profiles (`heap_v2/<sample bytes>`), the files `<prefix>.<pid>.<seq>.<kind><n>.heap`.

Grammar: jemalloc prof_data.c (5.x), and jeprof's reader of it. A head with totals and a line per thread, then stacks,
each with a total (`t*`) and its threads, then a copy of the mappings. One pass; a stack's threads are passed over.
"""

from __future__ import annotations

import re

from offheap.evidence.errors import EvidenceError
from offheap.evidence.heap_profile import AddressBook, HeapProfile, HeapStack, HeapThread, unsample
from offheap.evidence.mapped_libraries import HEADING, MappedLibraries, parse_mapped_libraries

_HEAD = re.compile(r"^heap_v2/(\d{1,19})$")
_COUNTS = re.compile(r"^ +t(\*|\d{1,19}): (\d{1,19}): (\d{1,19}) \[(\d{1,19}): (\d{1,19})\](?: (.{0,200}))?$")


def parse_jemalloc_heap(text: str) -> HeapProfile:
    """Read one profile; estimates are computed stack by stack from the `t*` lines.

    A file that ends early (the process was killed while it wrote) gives what it holds, with `is_complete` false.
    Raises EvidenceError when the head is not that of heap_v2, and on a stack or a count that cannot be read.
    """
    body, separator, maps = text.partition("\n" + HEADING)
    lines = body.splitlines()
    head = _HEAD.match(lines[0].rstrip()) if lines else None
    if head is None or int(head[1]) == 0:
        raise EvidenceError("not a heap profile of jemalloc: no `heap_v2/<sample bytes>`", 1)
    sample_bytes = int(head[1])
    totals = (0, 0)
    threads: list[HeapThread] = []
    stacks: list[HeapStack] = []
    unread: list[int] = []
    addresses = AddressBook()
    pending: str | None = None
    in_head = True
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith("  t*:"):
            counts = _counts(line, number, separator, len(lines))
            if counts is None:
                break
            if pending is not None:
                stacks.append(_stack(addresses.read(pending, number - 1), counts, sample_bytes))
                pending = None
            elif in_head:
                totals = int(counts[2]), int(counts[3])
            else:
                raise EvidenceError("a second total of one stack", number)
        elif line.startswith("@"):
            if pending is not None:
                raise EvidenceError("a stack without its total", number - 1)
            pending, in_head = line[1:], False
        elif line.startswith("  t"):
            if in_head and (counts := _counts(line, number, separator, len(lines))):
                threads.append(HeapThread(int(counts[1]), (counts[6] or "").strip(), int(counts[2]), int(counts[3])))
        elif line:
            unread.append(number)
    if pending is not None and separator:
        raise EvidenceError("a stack without its total", len(lines))
    return HeapProfile(
        sample_bytes=sample_bytes,
        sampled_objects=totals[0],
        sampled_bytes=totals[1],
        stacks=tuple(stacks),
        threads=tuple(threads),
        libraries=_libraries(maps, body) if separator else None,
        is_complete=bool(separator),
        unread_lines=tuple(unread),
    )


def _counts(line: str, number: int, separator: str, last: int) -> re.Match[str] | None:
    """The counts of a line; None for the cut last line of a file that ends early."""
    counts = _COUNTS.match(line)
    if counts is None and (separator or number < last):
        raise EvidenceError("counts that are not `t*: objects: bytes [objects: bytes]`", number)
    return counts


def _stack(addresses: tuple[int, ...], counts: re.Match[str], sample_bytes: int) -> HeapStack:
    objects, size_bytes = unsample(int(counts[2]), int(counts[3]), sample_bytes)
    allocated_objects, allocated_bytes = unsample(int(counts[4]), int(counts[5]), sample_bytes)
    return HeapStack(addresses, objects, size_bytes, allocated_objects, allocated_bytes)


def _libraries(maps: str, body: str) -> MappedLibraries:
    return parse_mapped_libraries(maps.partition("\n")[2], body.count("\n") + 3, may_be_cut=True)
