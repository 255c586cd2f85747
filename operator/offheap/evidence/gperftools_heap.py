"""Reader of gperftools' (tcmalloc's) heap profiles: `heap profile: n: bytes [n: bytes] @ <type>`.

The type says how to count: `heapprofile` (HEAPPROFILE=…) is exact, `heap_v2/<rate>` is sampled like jemalloc's, and
`heap/<rate>` by the first algorithm of tcmalloc. Source: jeprof and pprof (perl), ReadHeapProfile and AdjustSamples.
Any other type (growthz, fragmentationz) is counted as it stands, as they do. The text ends at 1 MiB, the mappings with it.
"""

from __future__ import annotations

import re

from offheap.evidence.errors import EvidenceError
from offheap.evidence.heap_profile import AddressBook, HeapProfile, HeapStack, unsample
from offheap.evidence.mapped_libraries import HEADING, parse_mapped_libraries

_N = r" *(\d{1,19})"
_COUNTS = rf"{_N}:{_N} \[{_N}:{_N} ?\]"
_HEAD = re.compile(rf"^heap profile:{_COUNTS} @ ([a-z_0-9]{{1,30}}?)(?:/(\d{{1,19}}))?$")
_STACK = re.compile(rf"^{_COUNTS} @((?: 0x[0-9a-fA-F]+)*) *$")


def parse_gperftools_heap(text: str) -> HeapProfile:
    """Read one profile. A file that ends early gives what it holds, with `is_complete` false.

    Raises EvidenceError when the head is another one, and on a stack that cannot be read.
    """
    body, separator, maps = text.partition("\n" + HEADING)
    lines = body.splitlines()
    head = _HEAD.match(lines[0].rstrip()) if lines else None
    if head is None:
        raise EvidenceError("not a heap profile of gperftools: no `heap profile: … @ <type>`", 1)
    kind, rate = head[5], int(head[6] or 1)
    is_exact = kind == "heapprofile" or "heap" not in kind
    stacks: list[HeapStack] = []
    unread: list[int] = []
    addresses = AddressBook()
    for number, line in enumerate(lines[1:], start=2):
        if found := _STACK.match(line):
            live, allocated = (int(found[1]), int(found[2])), (int(found[3]), int(found[4]))
            if not is_exact:
                live, allocated = _estimate(kind, *live, rate), _estimate(kind, *allocated, rate)
            stacks.append(HeapStack(addresses.read(found[5], number), *live, *allocated))
        elif " @ " in line and (separator or number < len(lines)):
            raise EvidenceError("a stack that is not `n: bytes [n: bytes] @ addresses`", number)
        elif line.strip():
            unread.append(number)
    return HeapProfile(
        sample_bytes=1 if is_exact else max(1, rate),
        sampled_objects=int(head[1]),
        sampled_bytes=int(head[2]),
        stacks=tuple(stacks),
        libraries=parse_mapped_libraries(maps.partition("\n")[2], body.count("\n") + 3, may_be_cut=True)
        if separator
        else None,
        is_complete=bool(separator),
        unread_lines=tuple(unread),
    )


def _estimate(kind: str, objects: int, size_bytes: int, rate: int) -> tuple[int, int]:
    if kind.endswith("_v2"):
        return unsample(objects, size_bytes, rate)
    if objects == 0 or size_bytes == 0:
        return objects, size_bytes
    # The first algorithm takes half the printed rate as the distance, and leaves allocations above it as they are.
    ratio = size_bytes / objects / max(1, rate // 2)
    return (round(objects / ratio), round(size_bytes / ratio)) if ratio < 1 else (objects, size_bytes)
