"""The balance sheet: every byte that the kernel charges to the container, booked once.

The kernel says how much is anonymous, file, shared memory and kernel; the mappings say what the anonymous memory is
used for as far as shapes tell (heap, stacks, code); NMT says what the JVM asked for by category. Where NMT gives
committed and the mappings give resident, resident is booked: heap, stacks (JDK 8 counts whole stacks) and code are
committed long before they are touched. What is left of the anonymous memory after all that is outside NMT's sight.

One part cannot be read: how much of what the collector (GC) has committed is touched (of G1's, a tenth). It is taken
from the first sample as what nothing else explains, and from then on grows only as its commitment does. So growth that
NMT does not see is never hidden in the GC's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from offheap.evidence.bundle import OtherProcess, Sample
from offheap.evidence.mappings import MappingClass, MappingTotals
from offheap.evidence.nmt_report import Chunk, NmtCategory, NmtReport

JAVA_HEAP = "javaHeap"
THREADS = "threads"
METASPACE = "metaspace"
CODE_CACHE = "codeCache"
GC = "gc"
COMPILER = "compiler"
SYMBOLS = "symbols"
DIRECT = "directBuffersOrUnsafe"
OTHER_NMT = "otherNmt"
SHARED_CLASSES = "sharedClasses"
OUTSIDE_NMT = "outsideNmt"
MALLOC = "malloc"
OTHER_ANONYMOUS = "otherAnonymous"
MAPPED_FILES = "mappedFiles"
PAGE_CACHE = "pageCache"
TMPFS = "tmpfs"
KERNEL = "kernel"
SIDE_PROCESSES = "sideProcesses"
UNEXPLAINED = "unexplained"

GC_CATEGORIES = ("GC", "GCCardSet")
COMPILER_CATEGORIES = ("Compiler", "JVMCI", "Arena Chunk")
METASPACE_CATEGORIES = ("Class", "Metaspace")
_ARCHIVE = "Shared class space"
_TOUCHED_STACK_BYTES = 100 << 10
"""Measured on JDK 8 to 25: 120 waiting threads hold 11.6 to 12.8 MiB."""
_SINCE_11 = frozenset({"Module", "Arguments", "Logging", "Safepoint", "Other", "Metaspace"})


@dataclass(frozen=True, slots=True)
class Booking:
    """The sheet of one sample: (row, bytes), `unexplained` last; the rows sum to `usage_bytes`."""

    at: float
    incarnation: tuple[int, int]
    usage_bytes: int
    rows: tuple[tuple[str, int], ...]

    def of(self, name: str) -> int | None:
        return next((value for row, value in self.rows if row == name), None)


def direct_category(report: NmtReport) -> str:
    """Where this report books direct buffers and Unsafe: `Internal` on JDK 8, `Other` since 11. Told by the categories
    themselves, so that it holds without an identity."""
    return "Other" if any(category.name in _SINCE_11 for category in report.categories) else "Internal"


def book_all(samples: Sequence[Sample], others: Sequence[OtherProcess] = ()) -> tuple[Booking, ...]:
    """The sheets of all samples that tell how much memory is used, in the order given. Samples without NMT figures in
    a series that has them are left out: their rows would jump."""
    with_nmt = [sample for sample in samples if sample.nmt is not None]
    chosen = with_nmt if len(with_nmt) >= 2 or len(with_nmt) == len(samples) else samples
    touched: dict[tuple[int, int], tuple[int, int]] = {}
    bookings: list[Booking] = []
    for sample in chosen:
        if sample.nmt is not None and sample.incarnation not in touched:
            touched[sample.incarnation] = _touched_by_gc(sample, sample.nmt)
        booking = _book(sample, others, touched.get(sample.incarnation, (0, 0)))
        if booking is not None:
            bookings.append(booking)
    return tuple(bookings)


def _book(sample: Sample, others: Sequence[OtherProcess], gc_touched: tuple[int, int]) -> Booking | None:
    anonymous = anonymous_bytes(sample)
    if anonymous is None and sample.nmt is None:
        return None
    heap_shared = _shared_heap_bytes(sample)
    rows = _java_rows(sample, heap_shared, gc_touched, anonymous)
    if anonymous is not None:
        rest = anonymous - (sum(value for _, value in rows) - heap_shared)
        rows = _without_passed_arenas(rows, -rest)
        rows.extend(_anonymous_rest(sample, rest))
    rows.extend(_container_rows(sample, anonymous, heap_shared, others))
    usage = sample.cgroup.usage_bytes if sample.cgroup else sum(value for _, value in rows)
    rows.append((UNEXPLAINED, usage - sum(value for _, value in rows)))
    return Booking(sample.at, sample.incarnation, usage, tuple(rows))


def anonymous_bytes(sample: Sample) -> int | None:
    """Resident anonymous memory of the JVM, from the best source there is."""
    if sample.totals:
        return sample.totals.anonymous_bytes
    if sample.rollup:
        return sample.rollup.anonymous_bytes
    if sample.status:
        return sample.status.rss_anon_bytes
    return None


def _shared_heap_bytes(sample: Sample) -> int:
    """ZGC keeps its heap in shared memory, mapped up to three times: the proportional size counts it once."""
    if not sample.totals:
        return 0
    heap = sample.totals.of(MappingClass.HEAP)
    shared = max(0, heap.pss_bytes - heap.anonymous_bytes)
    return min(shared, sample.status.rss_shmem_bytes) if sample.status else shared


def _java_rows(
    sample: Sample, heap_shared: int, gc_touched: tuple[int, int], anonymous: int | None
) -> list[tuple[str, int]]:
    """Heap, and what NMT or the mappings tell of the rest of the JVM."""
    mapped = sample.totals
    rows = [(JAVA_HEAP, _heap_bytes(sample, heap_shared, anonymous))]
    nmt = sample.nmt
    if nmt is None:
        if mapped:
            rows.append((THREADS, mapped.of(MappingClass.STACKS).anonymous_bytes))
            rows.append((METASPACE, _metaspace_without_nmt(sample, mapped)))
            rows.append((CODE_CACHE, mapped.of(MappingClass.CODE_CACHE).anonymous_bytes))
            rows.append((SHARED_CLASSES, mapped.of(MappingClass.CDS).anonymous_bytes))
        return rows
    direct = direct_category(nmt)
    gc = [category for category in nmt.categories if category.name in GC_CATEGORIES]
    named = {"Java Heap", "Thread", "Code", "Symbol", _ARCHIVE, direct}
    named.update(GC_CATEGORIES, COMPILER_CATEGORIES, METASPACE_CATEGORIES)
    rows += [
        (THREADS, _resident(nmt.category("Thread"), mapped, MappingClass.STACKS)),
        (METASPACE, nmt.committed_bytes(*METASPACE_CATEGORIES)),
        (CODE_CACHE, _resident(nmt.category("Code"), mapped, MappingClass.CODE_CACHE)),
        (GC, _gc_bytes(_committed(gc), gc_touched) if mapped else _committed(gc)),
        (COMPILER, nmt.committed_bytes(*COMPILER_CATEGORIES)),
        (SYMBOLS, nmt.committed_bytes("Symbol")),
        (DIRECT, nmt.committed_bytes(direct)),
        (OTHER_NMT, sum(category.committed_bytes for category in nmt.categories if category.name not in named)),
        (SHARED_CLASSES, mapped.of(MappingClass.CDS).anonymous_bytes if mapped else nmt.committed_bytes(_ARCHIVE)),
    ]
    return rows


def _heap_bytes(sample: Sample, heap_shared: int, anonymous: int | None) -> int:
    if sample.totals:
        return sample.totals.of(MappingClass.HEAP).anonymous_bytes + heap_shared
    if sample.nmt:
        committed = sample.nmt.committed_bytes("Java Heap")
        if sample.heap and anonymous is not None:
            # Resident lies between used and committed; without mappings used is the nearer bound.
            return min(committed, sample.heap.used_bytes)
        return committed
    return sample.heap.used_bytes if sample.heap else 0


def _resident(category: NmtCategory | None, mapped: MappingTotals | None, kind: MappingClass) -> int:
    """The category with its mapped part replaced by what is resident of it."""
    if category is None:
        return mapped.of(kind).anonymous_bytes if mapped else 0
    if mapped is None:
        return category.committed_bytes - _untouched_stack_bytes(category)
    return _allocated(category) + mapped.of(kind).anonymous_bytes


def _untouched_stack_bytes(category: NmtCategory) -> int:
    """JDK 8 commits stacks whole, so that reserved and committed are the same; without the mappings the touched part
    is what was measured for a thread that waits."""
    stack = category.stack
    if stack is None or category.threads is None or stack.committed_bytes < stack.reserved_bytes:
        return 0
    return max(0, stack.committed_bytes - category.threads.count * _TOUCHED_STACK_BYTES)


def _allocated(category: NmtCategory) -> int:
    """What the category holds by malloc, arenas included."""
    return _chunk_bytes(category.malloc) + _chunk_bytes(category.arena)


def _chunk_bytes(chunk: Chunk | None) -> int:
    return chunk.size_bytes if chunk else 0


def _mapped_committed(categories: Sequence[NmtCategory]) -> int:
    return sum(category.mmap.committed_bytes for category in categories if category.mmap)


def _committed(categories: Sequence[NmtCategory]) -> int:
    return sum(category.committed_bytes for category in categories)


def _gc_bytes(committed: int, touched: tuple[int, int]) -> int:
    first_touched, first_committed = touched
    return first_touched + max(0, committed - first_committed)


def _touched_by_gc(sample: Sample, nmt: NmtReport) -> tuple[int, int]:
    """(touched, committed) bytes of the GC at the first sample: see the module's docstring. Its mappings lie in the
    other anonymous memory, beside the metaspace's, and cannot be larger than that."""
    gc = [category for category in nmt.categories if category.name in GC_CATEGORIES]
    committed = _committed(gc)
    if not sample.totals:
        return (0, committed)
    metaspace = [category for category in nmt.categories if category.name in METASPACE_CATEGORIES]
    other = sample.totals.of(MappingClass.OTHER_ANON).anonymous_bytes - _mapped_committed(metaspace)
    rows = _java_rows(sample, 0, (0, committed), sample.totals.anonymous_bytes)
    rest = sample.totals.anonymous_bytes - sum(value for _, value in rows)
    allocated = sum(_allocated(category) for category in gc)
    return (max(0, min(committed, other + allocated, rest)), committed)


def _metaspace_without_nmt(sample: Sample, mapped: MappingTotals) -> int:
    if sample.heap and sample.heap.metaspace_committed_bytes is not None:
        return sample.heap.metaspace_committed_bytes
    return mapped.of(MappingClass.CLASS_SPACE).anonymous_bytes


def _without_passed_arenas(rows: list[tuple[str, int]], excess: int) -> list[tuple[str, int]]:
    """NMT is asked some milliseconds beside the mappings, and a compilation takes and frees tens of megabytes in less
    (measured: 9 MiB more in NMT than resident). What is booked beyond the resident memory is taken from its row."""
    if excess <= 0:
        return rows
    return [(name, max(0, value - excess) if name == COMPILER else value) for name, value in rows]


def _anonymous_rest(sample: Sample, rest: int) -> list[tuple[str, int]]:
    """What of the anonymous memory is not booked yet. With NMT: memory that NMT does not see. Without: by shape."""
    if sample.nmt:
        # A negative rest means that committed memory is not touched; it stays visible as `unexplained`.
        return [(OUTSIDE_NMT, max(0, rest))]
    if not sample.totals:
        return [(OTHER_ANONYMOUS, max(0, rest))]
    malloc = sum(sample.totals.of(kind).anonymous_bytes for kind in (MappingClass.ARENAS, MappingClass.BRK_HEAP))
    return [(MALLOC, malloc), (OTHER_ANONYMOUS, max(0, rest - malloc))]


def _container_rows(
    sample: Sample, anonymous: int | None, heap_shared: int, others: Sequence[OtherProcess]
) -> list[tuple[str, int]]:
    resident_files = _file_bytes(sample)
    cgroup = sample.cgroup
    if cgroup is None:
        return [(MAPPED_FILES, resident_files)] if anonymous is not None else []
    files = max(0, cgroup.file_bytes - cgroup.shmem_bytes)
    mapped_files = min(files, resident_files)
    rows = [
        (MAPPED_FILES, mapped_files),
        (PAGE_CACHE, files - mapped_files),
        (TMPFS, max(0, cgroup.shmem_bytes - heap_shared)),
        (KERNEL, cgroup.kernel_bytes + cgroup.sock_bytes),
    ]
    if others and anonymous is not None:
        resident = sum(other.rss_bytes for other in others)
        rows.append((SIDE_PROCESSES, max(0, min(cgroup.anon_bytes - anonymous, resident))))
    return rows


def _file_bytes(sample: Sample) -> int:
    if sample.status:
        return sample.status.rss_file_bytes
    if sample.totals:
        kinds = (MappingClass.LIBRARIES, MappingClass.MAPPED_FILES, MappingClass.CDS)
        return sum(sample.totals.of(kind).file_bytes for kind in kinds)
    return 0
