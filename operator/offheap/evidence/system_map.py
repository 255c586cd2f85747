"""`jcmd System.map` of JDK 22 and later (and 21.0.13): every mapping of the process with what the VM says it is for.

The VM knows its own mappings only while Native Memory Tracking is on; without it nothing but the heap, the code and the
stacks has a word. Grammar: memMapPrinter.cpp and memMapPrinter_linux.cpp. Sizes in the rows are bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_ROW = re.compile(
    r"^0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16}) +(\d{1,19}) +([r-][w-][x-][sp-]) +(\d{1,19}) +\d{1,19} +\S+ +(\S+) +(\S+) +(\S.*)$",
    re.ASCII,
)
_HEAD = re.compile(r"^from +to +(?:vsize|size) +prot +rss ")
_FOOT = re.compile(r"^Total: |^ *swapped out:")
_MAX_WORD, _MAX_PATH = 100, 500


@dataclass(frozen=True, slots=True)
class VmMapping:
    """One mapping [start, end). `use` is the VM's word (`META`, `GC`, `STACK-3451-main`), "" where it has none, which is
    memory that malloc or native code took; `path` is "" for anonymous memory."""

    start: int
    end: int
    permissions: str
    rss_bytes: int
    use: str
    path: str
    committed: bool


@dataclass(frozen=True, slots=True)
class SystemMap:
    """All mappings, in the order of the text."""

    mappings: tuple[VmMapping, ...]

    @property
    def own_ranges(self) -> tuple[tuple[int, int], ...]:
        """[start, end) of what the VM says is its own, files left out."""
        return tuple((mapping.start, mapping.end) for mapping in self.mappings if mapping.use)


def parse_system_map(text: str) -> SystemMap:
    """Read one answer. Raises EvidenceError when it has no table (`No VM information` and the like), and on a row of
    another grammar."""
    mappings: list[VmMapping] = []
    in_table = False
    for number, line in enumerate(text.splitlines(), start=1):
        if _HEAD.match(line):
            in_table = True
        elif not in_table or not line.strip() or line.startswith("="):
            continue
        elif found := _ROW.match(line):
            start, end = int(found[1], 16), int(found[2], 16)
            if end < start:
                raise EvidenceError("a mapping that ends before it starts", number)
            mappings.append(
                VmMapping(
                    start=start,
                    end=end,
                    permissions=found[4],
                    rss_bytes=int(found[5]),
                    use="" if found[7] == "-" else found[7][:_MAX_WORD],
                    path="" if found[8].strip() == "-" else found[8].strip()[:_MAX_PATH],
                    committed="com" in found[6].split(","),
                )
            )
        elif line.startswith("0x"):
            raise EvidenceError("a mapping that cannot be read", number)
        elif _FOOT.match(line):
            break
    if not mappings:
        raise EvidenceError("not an answer of System.map: no table of mappings", 1)
    return SystemMap(tuple(mappings))
