"""The section MAPPED_LIBRARIES at the end of a heap profile: which library an address of a stack lies in.

jemalloc and gperftools both append a copy of /proc/self/maps, which has the grammar of the heads of smaps. With it a
bare address becomes a path and an offset in that file, which is what symbols are looked up by.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError
from offheap.evidence.smaps import Mapping, parse_smaps

HEADING = "MAPPED_LIBRARIES:"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file: `offset` counts bytes from the start of the file, not from where its code is loaded."""

    path: str
    offset: int


@dataclass(frozen=True, slots=True)
class MappedLibraries:
    """The mappings by start. Overlaps, which no kernel writes, go to the one that starts last."""

    mappings: tuple[Mapping, ...]
    starts: tuple[int, ...]

    def mapping_of(self, address: int) -> Mapping | None:
        """The mapping that holds the address."""
        index = bisect_right(self.starts, address) - 1
        if index < 0 or address >= self.mappings[index].end:
            return None
        return self.mappings[index]

    def locate(self, address: int) -> Location | None:
        """File and offset of an address; None for memory that no file backs, which is where compiled Java code lies."""
        mapping = self.mapping_of(address)
        if mapping is None or not mapping.path.startswith("/"):
            return None
        return Location(mapping.path, address - mapping.start + mapping.offset)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every mapped file once, in the order of addresses."""
        return tuple(dict.fromkeys(mapping.path for mapping in self.mappings if mapping.path.startswith("/")))


def parse_mapped_libraries(text: str, first_line: int = 1, *, may_be_cut: bool = False) -> MappedLibraries:
    """Read a copy of /proc/PID/maps. `first_line` is the number of its first line in the whole profile, for errors.

    With `may_be_cut` a last line that ends in the middle is passed over: gperftools stops writing at 1 MiB, a killed
    process wherever it was. Raises EvidenceError on any other line that is no mapping.
    """
    if may_be_cut and not text.endswith("\n"):
        whole, _, last = text.rpartition("\n")
        if not _is_mapping(last):
            text = whole
    if not text.strip():
        return MappedLibraries((), ())
    try:
        mappings = parse_smaps(text)
    except EvidenceError as error:
        raise EvidenceError(error.message, error.line + first_line - 1) from None
    ordered = tuple(sorted(mappings, key=lambda mapping: mapping.start))
    return MappedLibraries(ordered, tuple(mapping.start for mapping in ordered))


def _is_mapping(line: str) -> bool:
    try:
        parse_smaps(line)
    except EvidenceError:
        return False
    return True
