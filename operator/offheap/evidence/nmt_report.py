"""What HotSpot's Native Memory Tracking says, as records.

All sizes are bytes, whatever scale the text had. `*_delta_*` is the change since the baseline and 0 in a report that is
no diff. `peak_*` is None where this JDK does not print it. Grammar: memReporter.cpp of JDK 8 to 25.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from offheap.evidence.nmt_sites import NmtRegion, NmtSite


class NmtAnswer(Enum):
    """What jcmd prints instead of a report."""

    NOT_ENABLED = "Native memory tracking is not enabled"
    DETAIL_NOT_ENABLED = "Detail tracking is not enabled"
    NO_BASELINE = "No baseline for comparison"
    BASELINE_TAKEN = "Baseline taken"
    SHUT_DOWN = "Native memory tracking has been shutdown"
    BAD_SCALE = "Incorrect scale value"
    DEPRECATED = "This option is deprecated and will be ignored"
    UNKNOWN_COMMAND = "Unknown diagnostic command"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Memory by size and number of pieces: malloc and arena lines. `count` is None where NMT does not count."""

    size_bytes: int = 0
    count: int | None = None
    delta_bytes: int = 0
    delta_count: int = 0
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """Memory by reservation: mmap and stack lines, and the totals."""

    reserved_bytes: int = 0
    committed_bytes: int = 0
    reserved_delta_bytes: int = 0
    committed_delta_bytes: int = 0
    peak_bytes: int | None = None

    def before(self) -> Extent:
        """The same extent at the baseline."""
        return Extent(
            self.reserved_bytes - self.reserved_delta_bytes, self.committed_bytes - self.committed_delta_bytes
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of things (threads, classes) and its change."""

    count: int
    delta: int = 0


@dataclass(frozen=True, slots=True)
class MetaspacePart:
    """One of the blocks `Metadata` and `Class space` under the category Class (JDK 11 and later)."""

    name: str
    extent: Extent = field(default_factory=Extent)
    used_bytes: int | None = None
    used_delta_bytes: int = 0
    free_bytes: int | None = None
    waste_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NmtCategory:
    """One category. `extent` is the whole; malloc, mmap, arena and stack are its parts where they are printed."""

    name: str
    extent: Extent
    malloc: Chunk | None = None
    mmap: Extent | None = None
    arena: Chunk | None = None
    stack: Extent | None = None
    overhead: Chunk | None = None
    threads: Tally | None = None
    classes: Tally | None = None
    instance_classes: Tally | None = None
    array_classes: Tally | None = None
    readonly_bytes: int | None = None
    parts: tuple[MetaspacePart, ...] = ()

    @property
    def committed_bytes(self) -> int:
        return self.extent.committed_bytes

    def before(self) -> NmtCategory:
        """The category as it was at the baseline, as far as a diff tells."""
        return NmtCategory(
            name=self.name,
            extent=self.extent.before(),
            malloc=_chunk_before(self.malloc),
            mmap=self.mmap.before() if self.mmap else None,
            arena=_chunk_before(self.arena),
            stack=self.stack.before() if self.stack else None,
            threads=Tally(self.threads.count - self.threads.delta) if self.threads else None,
            classes=Tally(self.classes.count - self.classes.delta) if self.classes else None,
        )


@dataclass(frozen=True, slots=True)
class NmtReport:
    """One answer of VM.native_memory. `is_diff` is true when any change was printed (a diff without change looks like
    a summary). `unread_lines` are the numbers of the lines that no known grammar explains: kept, not fatal, for new
    JDKs print new lines."""

    pid: int | None
    total: Extent
    categories: tuple[NmtCategory, ...]
    is_diff: bool = False
    sites: tuple[NmtSite, ...] = ()
    regions: tuple[NmtRegion, ...] = ()
    unread_lines: tuple[int, ...] = ()

    def category(self, name: str) -> NmtCategory | None:
        return next((category for category in self.categories if category.name == name), None)

    def committed_bytes(self, *names: str) -> int:
        """The committed bytes of the named categories together; a category that is not printed counts 0."""
        return sum(category.committed_bytes for category in self.categories if category.name in names)

    @property
    def allocated_bytes(self) -> int:
        """What the VM holds by malloc, arenas included, in all categories together."""
        chunks = (chunk for category in self.categories for chunk in (category.malloc, category.arena))
        return sum(chunk.size_bytes for chunk in chunks if chunk)

    @property
    def threads(self) -> int | None:
        return next((category.threads.count for category in self.categories if category.threads), None)

    @property
    def classes(self) -> int | None:
        return next((category.classes.count for category in self.categories if category.classes), None)

    def before(self) -> NmtReport:
        """The report at the baseline, computed from this diff."""
        return replace(
            self,
            total=self.total.before(),
            categories=tuple(category.before() for category in self.categories),
            is_diff=False,
            sites=(),
            regions=(),
        )


def _chunk_before(chunk: Chunk | None) -> Chunk | None:
    if chunk is None:
        return None
    return Chunk(chunk.size_bytes - chunk.delta_bytes, None if chunk.count is None else chunk.count - chunk.delta_count)
