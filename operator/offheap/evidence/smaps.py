"""Parser of /proc/PID/smaps (whole or reduced to the lines that are not zero) and of smaps_rollup.

Grammar: fs/proc/task_mmu.c. A header line, then `Key: N kB` lines until the next header. Unknown keys come with new
kernels and are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_HEADER = re.compile(
    r"^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][sp-]) ([0-9a-f]{1,16}) "
    r"([0-9a-f]{2,5}:[0-9a-f]{2,8}) (\d{1,20}) *(.*)$"
)
_FIELD = re.compile(r"^(\w[\w()]{0,30}): +(\d{1,19}) kB$")
_FLAGS = "VmFlags:"
_OTHER = re.compile(r"^\w[\w()]{0,30}:\s*\S*$")


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping [start, end) with its resident parts in bytes. `path` is "" for anonymous memory without a name."""

    start: int
    end: int
    permissions: str
    offset: int
    inode: int
    path: str
    rss_bytes: int = 0
    pss_bytes: int = 0
    private_dirty_bytes: int = 0
    anonymous_bytes: int = 0
    swap_bytes: int = 0
    anon_huge_pages_bytes: int = 0
    flags: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return self.end - self.start

    @property
    def is_unnamed(self) -> bool:
        """Anonymous and private: neither a file nor one of the kernel's or the application's names."""
        return not self.path and not self.is_shared

    @property
    def is_shared(self) -> bool:
        return self.permissions[3] == "s"

    @property
    def is_reserved_only(self) -> bool:
        return self.permissions.startswith("---")


@dataclass(frozen=True, slots=True)
class Rollup:
    """smaps_rollup, or the sum of all mappings. Bytes. `pss_anon` and the like are None on kernels before 5.10."""

    rss_bytes: int
    pss_bytes: int
    private_dirty_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    anon_huge_pages_bytes: int = 0
    pss_anon_bytes: int | None = None
    pss_file_bytes: int | None = None
    pss_shmem_bytes: int | None = None


_FIELDS = {
    "Rss": "rss_bytes",
    "Pss": "pss_bytes",
    "Private_Dirty": "private_dirty_bytes",
    "Anonymous": "anonymous_bytes",
    "Swap": "swap_bytes",
    "AnonHugePages": "anon_huge_pages_bytes",
    "Pss_Anon": "pss_anon_bytes",
    "Pss_File": "pss_file_bytes",
    "Pss_Shmem": "pss_shmem_bytes",
}
_ROLLUP_ONLY = {"pss_anon_bytes", "pss_file_bytes", "pss_shmem_bytes"}


def parse_smaps(text: str) -> tuple[Mapping, ...]:
    """Read every mapping, in the order of the file. Raises EvidenceError on a line that is no part of the grammar,
    and on a text without a mapping.

    The kernel gives the file out piece by piece, and a mapping that grows between two of them (an arena of glibc) it can
    list twice, with the same start: the later one holds.
    """
    mappings: list[Mapping] = []
    header: re.Match[str] | None = None
    fields: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _FIELD.match(line):
            if header is None:
                raise EvidenceError("a field before the first mapping", number)
            name = _FIELDS.get(found[1])
            if name is not None and name not in _ROLLUP_ONLY:
                fields[name] = int(found[2]) << 10
        elif line.startswith(_FLAGS):
            flags = tuple(line[len(_FLAGS) :].split()[:40])
        elif found := _HEADER.match(line):
            if header is not None:
                mappings.append(_mapping(header, fields, flags))
            header, fields, flags = found, {}, ()
            if int(found[2], 16) < int(found[1], 16):
                raise EvidenceError("a mapping that ends before it starts", number)
        elif line.strip() and not _OTHER.match(line):
            raise EvidenceError("neither the head of a mapping nor one of its fields", number)
    if header is None:
        raise EvidenceError("no mapping in the text", 1)
    mappings.append(_mapping(header, fields, flags))
    return tuple({mapping.start: mapping for mapping in mappings}.values())


def parse_rollup(text: str) -> Rollup:
    """Read smaps_rollup. Raises EvidenceError when it holds no Rss or a line of another grammar."""
    fields: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _FIELD.match(line):
            if name := _FIELDS.get(found[1]):
                fields[name] = int(found[2]) << 10
        elif line.strip() and not _HEADER.match(line) and not _OTHER.match(line) and not line.startswith(_FLAGS):
            raise EvidenceError("not a line of smaps_rollup", number)
    if "rss_bytes" not in fields:
        raise EvidenceError("no Rss in the text", 1)
    return Rollup(
        rss_bytes=fields["rss_bytes"],
        pss_bytes=fields.get("pss_bytes", 0),
        private_dirty_bytes=fields.get("private_dirty_bytes", 0),
        anonymous_bytes=fields.get("anonymous_bytes", 0),
        swap_bytes=fields.get("swap_bytes", 0),
        anon_huge_pages_bytes=fields.get("anon_huge_pages_bytes", 0),
        pss_anon_bytes=fields.get("pss_anon_bytes"),
        pss_file_bytes=fields.get("pss_file_bytes"),
        pss_shmem_bytes=fields.get("pss_shmem_bytes"),
    )


def roll_up(mappings: tuple[Mapping, ...]) -> Rollup:
    """The sum of all mappings, as smaps_rollup would give it."""
    return Rollup(
        rss_bytes=sum(mapping.rss_bytes for mapping in mappings),
        pss_bytes=sum(mapping.pss_bytes for mapping in mappings),
        private_dirty_bytes=sum(mapping.private_dirty_bytes for mapping in mappings),
        anonymous_bytes=sum(mapping.anonymous_bytes for mapping in mappings),
        swap_bytes=sum(mapping.swap_bytes for mapping in mappings),
        anon_huge_pages_bytes=sum(mapping.anon_huge_pages_bytes for mapping in mappings),
    )


def _mapping(header: re.Match[str], fields: dict[str, int], flags: tuple[str, ...]) -> Mapping:
    return Mapping(
        start=int(header[1], 16),
        end=int(header[2], 16),
        permissions=header[3],
        offset=int(header[4], 16),
        inode=int(header[6]),
        path=header[7].strip(),
        flags=flags,
        **fields,
    )
