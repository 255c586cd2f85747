"""`jcmd Compiler.codecache` of JDK 8 to 25: how full the code cache is, by heap of code, and whether compiling stopped.

Grammar: codeCache.cpp, print_summary. JDK 8, and later ones with -XX:-SegmentedCodeCache, have one heap `CodeCache`; the
segmented ones have three, and since 21 a line with their sum, which is not another heap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_HEAP = re.compile(
    r"^(?:CodeHeap '([\w -]{1,60})'|(CodeCache)): size=(\d{1,16})Kb,? used=(\d{1,16})Kb,? max_used=(\d{1,16})Kb,? "
    r"free=(\d{1,16})Kb$",
    re.ASCII,
)
_BOUNDS = re.compile(r"^bounds \[0x([0-9a-f]{1,16}), 0x([0-9a-f]{1,16}), 0x([0-9a-f]{1,16})\]$")
_COUNT = re.compile(r"\b(total_blobs|nmethods|adapters|full_count|stopped_count)=(\d{1,16})\b", re.ASCII)
_COMPILATION = re.compile(r"^compilation: (\w{1,20})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class CodeHeap:
    """One heap of code. `size_bytes` is reserved, `committed_bytes` is None where no bounds are printed.

    `range` is [start, end) of the reservation, or None.
    """

    name: str
    size_bytes: int
    used_bytes: int
    max_used_bytes: int
    free_bytes: int
    committed_bytes: int | None = None
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class CodeCache:
    """The whole cache. Counts are None where this JDK does not print them."""

    heaps: tuple[CodeHeap, ...]
    blobs: int | None = None
    nmethods: int | None = None
    adapters: int | None = None
    full_count: int | None = None
    stopped_count: int | None = None
    compilation_enabled: bool | None = None

    @property
    def size_bytes(self) -> int:
        return sum(heap.size_bytes for heap in self.heaps)

    @property
    def used_bytes(self) -> int:
        return sum(heap.used_bytes for heap in self.heaps)

    @property
    def committed_bytes(self) -> int | None:
        parts = [heap.committed_bytes for heap in self.heaps]
        return None if None in parts else sum(part for part in parts if part is not None)


def parse_codecache(text: str) -> CodeCache:
    """Read one answer. Raises EvidenceError when no heap of code is found, and on bounds that run backwards."""
    heaps: list[CodeHeap] = []
    counts: dict[str, int] = {}
    enabled: bool | None = None
    for number, line in enumerate((raw.strip() for raw in text.splitlines()), start=1):
        if found := _HEAP.match(line):
            if found[2] and heaps:
                continue
            size, used, max_used, free = (int(found[group]) << 10 for group in (3, 4, 5, 6))
            heaps.append(CodeHeap(found[1] or found[2], size, used, max_used, free))
        elif heaps and (found := _BOUNDS.match(line)):
            start, committed, end = (int(found[group], 16) for group in (1, 2, 3))
            if not start <= committed <= end:
                raise EvidenceError("bounds of a heap of code that run backwards", number)
            last = heaps.pop()
            heaps.append(
                CodeHeap(
                    last.name,
                    last.size_bytes,
                    last.used_bytes,
                    last.max_used_bytes,
                    last.free_bytes,
                    committed - start,
                    (start, end),
                )
            )
        else:
            if found := _COMPILATION.match(line):
                enabled = found[1].lower() == "enabled"
            counts.update((name, int(value)) for name, value in _COUNT.findall(line))
    if not heaps:
        raise EvidenceError("no heap of code in the text", 1)
    return CodeCache(
        heaps=tuple(heaps),
        blobs=counts.get("total_blobs"),
        nmethods=counts.get("nmethods"),
        adapters=counts.get("adapters"),
        full_count=counts.get("full_count"),
        stopped_count=counts.get("stopped_count"),
        compilation_enabled=enabled,
    )
