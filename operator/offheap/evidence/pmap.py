"""Texts of pmap (procps): plain, `-x` and `-X`, for evidence that people took by hand.

Mappings are given by size in KiB and the file's name without its directory. Text around them (a shell's prompt, `...` for
what was cut) is kept as unread lines. `-XX` prints flags with spaces before the name and is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_MODE = r"([r-][w-][x-][sp-][R-]?)"
_PROCESS = re.compile(r"^(\d{1,10}):\s+\S", re.ASCII)
_PLAIN = re.compile(rf"^([0-9a-f]{{8,16}}) +(\d{{1,16}})K {_MODE} +(\S.*)$", re.ASCII)
_EXTENDED = re.compile(
    rf"^([0-9a-f]{{8,16}}) +(\d{{1,16}}) +(\d{{1,16}}) +(\d{{1,16}}) {_MODE} +(\S.*)$",
    re.ASCII,
)
_DETAILED = re.compile(rf"^ *([0-9a-f]{{5,16}}) +{_MODE} +[0-9a-f]+ +[0-9a-f]+:[0-9a-f]+ +\d+ +(\d.*)$", re.ASCII)
_DETAILED_HEAD = re.compile(r"^ *Address +Perm +Offset +Device +Inode +(Size .*) Mapping *$", re.ASCII)
_TOTAL = re.compile(r"^ *total(?: kB)? +(\d{1,16})K?(?: +(\d{1,16}) +(\d{1,16}))? *$", re.ASCII)
_NUMBER = re.compile(r"\d{1,16}", re.ASCII)
_LOOKS_LIKE_A_MAPPING = re.compile(r"^ *[0-9a-f]{8,16} +\S", re.ASCII)
_FURNITURE = re.compile(r"^(?:Address +Kbytes +RSS +Dirty Mode +Mapping|[-= ]+)$")
_MAX_NAME = 500


@dataclass(frozen=True, slots=True)
class PmapMapping:
    """One mapping, bytes. `name` is "" for anonymous memory; sizes are None where the text has no such column."""

    start: int
    size_bytes: int
    mode: str
    name: str
    rss_bytes: int | None = None
    dirty_bytes: int | None = None
    anonymous_bytes: int | None = None
    swap_bytes: int | None = None

    @property
    def end(self) -> int:
        return self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class Pmap:
    """One process. Totals are those of the last line, None when it was cut; `pid` is None without the first line."""

    pid: int | None
    mappings: tuple[PmapMapping, ...]
    total_size_bytes: int | None = None
    total_rss_bytes: int | None = None
    total_dirty_bytes: int | None = None
    unread_lines: tuple[int, ...] = ()


def parse_pmap(text: str) -> Pmap:
    """Read the answer for one process.

    Raises EvidenceError on a mapping that cannot be read, on a second process, and on a text without a mapping.
    """
    pid: int | None = None
    columns: list[str] | None = None
    mappings: list[PmapMapping] = []
    totals: tuple[int | None, ...] = (None, None, None)
    unread: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _PROCESS.match(line):
            if pid is not None or mappings:
                raise EvidenceError("a second process", number)
            pid = int(found[1])
        elif found := _PLAIN.match(line):
            mappings.append(
                PmapMapping(int(found[1], 16), int(found[2]) << 10, _mode(found[3]), _name(found[4])),
            )
        elif found := _EXTENDED.match(line):
            mappings.append(
                PmapMapping(
                    start=int(found[1], 16),
                    size_bytes=int(found[2]) << 10,
                    mode=_mode(found[5]),
                    name=_name(found[6]),
                    rss_bytes=int(found[3]) << 10,
                    dirty_bytes=int(found[4]) << 10,
                )
            )
        elif columns is not None and (found := _DETAILED.match(line)):
            mappings.append(_detailed(found, columns, number))
        elif found := _DETAILED_HEAD.match(line):
            columns = found[1].split()
            if "VmFlags" in columns:
                raise EvidenceError("the text is of pmap -XX; only pmap, pmap -x and pmap -X are read", number)
        elif found := _TOTAL.match(line):
            totals = tuple(int(each) << 10 if each else None for each in found.groups())
        elif columns is not None and line.rstrip().endswith(" KB"):
            totals = _detailed_totals(line, columns)
        elif _LOOKS_LIKE_A_MAPPING.match(line):
            raise EvidenceError("a mapping that cannot be read", number)
        elif line.strip() and not _FURNITURE.match(line):
            unread.append(number)
    if not mappings:
        raise EvidenceError("no mapping in the text", 1)
    return Pmap(pid, tuple(mappings), totals[0], totals[1], totals[2], tuple(unread))


def _detailed(found: re.Match[str], columns: list[str], number: int) -> PmapMapping:
    words = found[3].split(maxsplit=len(columns))
    if len(words) < len(columns) or not all(map(_NUMBER.fullmatch, words[: len(columns)])):
        raise EvidenceError("a mapping with other columns than the head has", number)
    sizes = {column: int(word) << 10 for column, word in zip(columns, words, strict=False)}
    return PmapMapping(
        start=int(found[1], 16),
        size_bytes=sizes["Size"],
        mode=_mode(found[2]),
        name=_name(words[len(columns)] if len(words) > len(columns) else ""),
        rss_bytes=sizes.get("Rss"),
        dirty_bytes=sizes.get("Pss_Dirty"),
        anonymous_bytes=sizes.get("Anonymous"),
        swap_bytes=sizes.get("Swap"),
    )


def _detailed_totals(line: str, columns: list[str]) -> tuple[int | None, ...]:
    sizes = {
        column: int(word) << 10 for column, word in zip(columns, line.split(), strict=False) if _NUMBER.fullmatch(word)
    }
    return sizes.get("Size"), sizes.get("Rss"), sizes.get("Pss_Dirty")


def _mode(mode: str) -> str:
    """The first three of the mode and whether it is shared, as smaps writes it."""
    return mode[:3] + ("s" if mode[3] == "s" else "p")


def _name(text: str) -> str:
    name = text.strip()[:_MAX_NAME]
    if name == "[ anon ]":
        return ""
    return f"[{name[1:-1].strip()}]" if name.startswith("[") and name.endswith("]") else name
