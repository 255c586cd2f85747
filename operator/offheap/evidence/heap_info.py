"""`jcmd GC.heap_info` of JDK 8 to 25 for every collector: how much heap is committed and used, and where it lies.

The address ranges are what the classification of mappings needs; `used` over time, at its lows, is what a heap leak is
seen by. Measured texts: Serial, Parallel, G1, ZGC, Shenandoah, Epsilon on 8, 11, 17, 21, 25; CMS from its source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_N = r"(\d{1,16})([BKMGT])"
_GENERATION = re.compile(
    rf"^(garbage-first heap|PSYoungGen|ParOldGen|PSOldGen|def new generation|tenured generation|par new generation"
    rf"|concurrent mark-sweep generation|DefNew|Tenured)\s+total (?:reserved {_N}, committed )?{_N}, used {_N}"
    rf"\s*\[0x([0-9a-fA-F]{{1,16}}), ?0x([0-9a-fA-F]{{1,16}})(?:, ?0x([0-9a-fA-F]{{1,16}}))?\)$"
)
_Z = re.compile(rf"^ZHeap\s+used {_N}, capacity {_N}, max capacity {_N}$")
_SHENANDOAH = re.compile(rf"^{_N} max, (?:{_N} soft max, )?{_N} committed, {_N} used$")
_RESERVED = re.compile(r"^- \[0x([0-9a-fA-F]{1,16}), ?0x([0-9a-fA-F]{1,16})\)$")
_EPSILON = re.compile(
    rf"^(?:the )?space {_N},\s*(\d{{1,3}})% used\s*"
    r"\[0x([0-9a-fA-F]{1,16}), ?0x([0-9a-fA-F]{1,16}), ?0x([0-9a-fA-F]{1,16})\)$"
)
_METASPACE = re.compile(rf"^(Metaspace|class space)\s+used {_N},(?: capacity {_N},)? committed {_N}, reserved {_N}$")

_COLLECTORS = {
    "garbage-first heap": "G1",
    "PSYoungGen": "Parallel",
    "def new generation": "Serial",
    "DefNew": "Serial",
    "par new generation": "CMS",
}


@dataclass(frozen=True, slots=True)
class HeapInfo:
    """The heap at one moment, bytes. `ranges` are [start, end) of what is reserved for it; empty with ZGC, whose heap
    is known by its name among the mappings instead. Metaspace figures are None where the JDK does not print them (25)."""

    gc: str
    committed_bytes: int
    used_bytes: int
    max_bytes: int | None
    ranges: tuple[tuple[int, int], ...]
    metaspace_used_bytes: int | None = None
    metaspace_committed_bytes: int | None = None
    class_space_committed_bytes: int | None = None


def parse_heap_info(text: str) -> HeapInfo:
    """Read the answer of GC.heap_info. Raises EvidenceError when no known collector is found in it."""
    gc = "unknown"
    committed = used = 0
    max_bytes: int | None = None
    ranges: list[tuple[int, int]] = []
    metaspace: dict[str, tuple[int, int]] = {}
    in_epsilon = found_heap = False
    for line in (raw.strip() for raw in text.splitlines()):
        if found := _GENERATION.match(line):
            gc = _COLLECTORS.get(found[1], gc)
            committed += _bytes(found[4], found[5])
            used += _bytes(found[6], found[7])
            if found[2]:
                max_bytes = _bytes(found[2], found[3])
            ranges.append((int(found[8], 16), int(found[10] or found[9], 16)))
            found_heap = True
        elif found := _Z.match(line):
            gc, used, committed = "Z", _bytes(found[1], found[2]), _bytes(found[3], found[4])
            max_bytes = _bytes(found[5], found[6])
            found_heap = True
        elif line == "Shenandoah Heap":
            gc = "Shenandoah"
        elif gc == "Shenandoah" and (found := _SHENANDOAH.match(line)):
            max_bytes = _bytes(found[1], found[2])
            committed, used = _bytes(found[5], found[6]), _bytes(found[7], found[8])
            found_heap = True
        elif gc == "Shenandoah" and (found := _RESERVED.match(line)):
            ranges.append((int(found[1], 16), int(found[2], 16)))
        elif line == "Epsilon Heap":
            in_epsilon = True
        elif in_epsilon and (found := _EPSILON.match(line)):
            start, top, end = (int(found[group], 16) for group in (4, 5, 6))
            gc, committed, used = "Epsilon", _bytes(found[1], found[2]), max(0, top - start)
            ranges.append((start, end))
            found_heap = True
        elif found := _METASPACE.match(line):
            metaspace[found[1]] = (_bytes(found[2], found[3]), _bytes(found[6], found[7]))
    if not found_heap:
        raise EvidenceError("no heap of a known collector in the text", 1)
    meta, class_space = metaspace.get("Metaspace"), metaspace.get("class space")
    return HeapInfo(
        gc=gc,
        committed_bytes=committed,
        used_bytes=used,
        max_bytes=max_bytes,
        ranges=tuple(sorted(ranges)),
        metaspace_used_bytes=meta[0] if meta else None,
        metaspace_committed_bytes=meta[1] if meta else None,
        class_space_committed_bytes=class_space[1] if class_space else None,
    )


def _bytes(number: str, unit: str) -> int:
    return int(number) * _UNITS[unit]
