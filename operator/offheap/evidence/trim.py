"""Answers of System.trim_native_heap: what malloc gave back to the kernel when it was told to.

Grammars: trimCHeapDCmd.cpp. 17 and later print one line of rounded sizes, of RSS and swap together; 11 (11.0.24) prints
five lines in KiB, RSS and swap apart. Other allocators answer that it is not available.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from offheap.evidence.errors import EvidenceError

_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_N = r"(\d{1,19})([BKMGT])"
_ONE_LINE = re.compile(rf"^Trim native heap: RSS\+Swap: {_N}->{_N} \(([+-]){_N}\)$", re.ASCII)
_OF_ELEVEN = re.compile(
    r"^(Virtual size|RSS|Swap) before: (\d{1,19})k, after: (\d{1,19})k, \(([+-]?\d{1,19})k\)$", re.ASCII
)


class TrimAnswer(Enum):
    """What is printed instead of sizes."""

    NOT_AVAILABLE = "Not available"
    NO_DETAILS = "no details available"


@dataclass(frozen=True, slots=True)
class Trim:
    """RSS and swap together before and after, bytes. `change_bytes` is negative when memory was given back, and more
    precise than the difference of the two where they were printed rounded."""

    before_bytes: int
    after_bytes: int
    change_bytes: int

    @property
    def returned_bytes(self) -> int:
        return max(0, -self.change_bytes)


def parse_trim(text: str) -> Trim | TrimAnswer:
    """Read one answer. Raises EvidenceError when it is of none of the grammars."""
    of_eleven: dict[str, tuple[int, int, int]] = {}
    for line in (raw.strip() for raw in text.splitlines()):
        if found := _ONE_LINE.match(line):
            change = int(found[6]) * _UNITS[found[7]]
            return Trim(
                before_bytes=int(found[1]) * _UNITS[found[2]],
                after_bytes=int(found[3]) * _UNITS[found[4]],
                change_bytes=-change if found[5] == "-" else change,
            )
        if found := _OF_ELEVEN.match(line):
            of_eleven[found[1]] = (int(found[2]) << 10, int(found[3]) << 10, int(found[4]) * (1 << 10))
    if "RSS" in of_eleven:
        rss, swap = of_eleven["RSS"], of_eleven.get("Swap", (0, 0, 0))
        return Trim(rss[0] + swap[0], rss[1] + swap[1], rss[2] + swap[2])
    for answer in TrimAnswer:
        if answer.value.lower() in text.lower():
            return answer
    raise EvidenceError("not an answer of System.trim_native_heap", 1)
