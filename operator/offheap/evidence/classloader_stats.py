"""`jcmd VM.classloader_stats`: which class loaders live, with how many classes and how much metaspace.

Many rows of one type of loader are the sign of a leak of loaders; a row `+ hidden classes` (`+ unsafe anonymous classes`
up to 14) with a great count is one of hidden classes. Grammar: classLoaderStats.cpp of JDK 8 to 25.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from offheap.evidence.errors import EvidenceError

_MAX_TYPE = 500
_N = r" +(\d{1,19})"
_ROW = re.compile(rf"^0x([0-9a-f]{{1,16}}) +0x([0-9a-f]{{1,16}}) +0x([0-9a-f]{{1,16}}){_N}{_N}{_N}  ?(\S.*)$", re.ASCII)
_HIDDEN = re.compile(rf"^{_N}{_N}{_N} +\+ ([a-z][a-z ]{{0,40}} classes)$", re.ASCII)
_TOTAL = re.compile(rf"^Total ={_N}{_N}{_N}{_N} *$", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClassLoader:
    """One loader. `type` is its class, `<boot class loader>` for the VM's own.

    `chunk_bytes` is the metaspace it holds, `block_bytes` what of that is in use. `hidden_*` come on top of them.
    """

    address: int
    parent: int
    type: str
    classes: int
    chunk_bytes: int
    block_bytes: int
    hidden_classes: int = 0
    hidden_chunk_bytes: int = 0
    hidden_block_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LoaderType:
    """All loaders of one class together, hidden classes included."""

    type: str
    loaders: int
    classes: int
    hidden_classes: int
    chunk_bytes: int


@dataclass(frozen=True, slots=True)
class ClassLoaderStats:
    """All loaders, and the totals that the VM printed (which count hidden classes too)."""

    loaders: tuple[ClassLoader, ...]
    total_loaders: int
    total_classes: int
    total_chunk_bytes: int
    total_block_bytes: int

    def by_type(self) -> tuple[LoaderType, ...]:
        """Loaders grouped by their class, most loaders first."""
        sums: dict[str, tuple[int, int, int, int]] = {}
        for loader in self.loaders:
            had = sums.get(loader.type, (0, 0, 0, 0))
            sums[loader.type] = (
                had[0] + 1,
                had[1] + loader.classes + loader.hidden_classes,
                had[2] + loader.hidden_classes,
                had[3] + loader.chunk_bytes + loader.hidden_chunk_bytes,
            )
        types = [LoaderType(name, *counts) for name, counts in sums.items()]
        return tuple(sorted(types, key=lambda each: (-each.loaders, -each.chunk_bytes, each.type)))


def parse_classloader_stats(text: str) -> ClassLoaderStats:
    """Read one answer.

    Raises EvidenceError on a row that cannot be read, and when the line of totals is missing: the answer was cut.
    """
    loaders: list[ClassLoader] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _ROW.match(line):
            loaders.append(
                ClassLoader(
                    address=int(found[1], 16),
                    parent=int(found[2], 16),
                    type=found[7].strip()[:_MAX_TYPE],
                    classes=int(found[4]),
                    chunk_bytes=int(found[5]),
                    block_bytes=int(found[6]),
                )
            )
        elif found := _HIDDEN.match(line):
            if not loaders:
                raise EvidenceError("hidden classes before the first loader", number)
            loaders[-1] = replace(
                loaders[-1],
                hidden_classes=int(found[1]),
                hidden_chunk_bytes=int(found[2]),
                hidden_block_bytes=int(found[3]),
            )
        elif found := _TOTAL.match(line):
            return ClassLoaderStats(tuple(loaders), int(found[1]), int(found[2]), int(found[3]), int(found[4]))
        elif line.startswith(("0x", "   ")):
            raise EvidenceError("a loader that cannot be read", number)
    raise EvidenceError("no line of totals", text.count("\n") + 1)
