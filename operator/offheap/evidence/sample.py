"""The typed records of one pod's evidence: what the parsers made of everything that was read."""

from __future__ import annotations

from dataclasses import dataclass

from offheap.evidence.buffer_pools import BufferPools
from offheap.evidence.cgroup import CgroupMemory
from offheap.evidence.classloader_stats import ClassLoaderStats
from offheap.evidence.codecache import CodeCache
from offheap.evidence.compiler_memory import CompilerMemory
from offheap.evidence.content import MemoryContent
from offheap.evidence.descriptors import Descriptors
from offheap.evidence.experiment import Experiment
from offheap.evidence.heap_info import HeapInfo
from offheap.evidence.heap_profile import HeapProfile
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.malloc_info import MallocInfo
from offheap.evidence.mappings import MappingTotals
from offheap.evidence.metaspace import Metaspace
from offheap.evidence.native_stacks import NativeStack
from offheap.evidence.nmt_report import NmtAnswer, NmtReport
from offheap.evidence.procstatus import ProcStatus
from offheap.evidence.regions import Reading, Region
from offheap.evidence.smaps import Mapping, Rollup
from offheap.evidence.stream import Skipped
from offheap.evidence.system_map import SystemMap


@dataclass(frozen=True, slots=True)
class ThreadStems:
    """Thread names with their digits struck out, and how many threads bear each."""

    count: int
    stems: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class OtherProcess:
    """A process of the target's container that is not the target."""

    pid: int
    name: str
    rss_bytes: int
    grown_bytes: int = 0
    """Since it was first read."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An evidence that came but could not be understood. `source` is an evidence id like `nmt/summary.diff@12`."""

    source: str
    message: str


@dataclass(frozen=True, slots=True)
class TakenProfile:
    """A heap profile as an allocator wrote it. `allocator` is `jemalloc` or `gperftools`, `name` the file's, `at` when the
    collector sent it (unix seconds)."""

    allocator: str
    name: str
    at: float
    profile: HeapProfile


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything read at one instant. None: not taken or not readable. `at` is unix seconds of the node.

    `mappings` is kept for the first and the last sample of a process; the sums by class and the regions that may be
    anybody's are there for each. `gc` and `trim` are experiments that followed all other readings of the last sample.
    """

    index: int
    at: float
    incarnation: tuple[int, int]
    sources: tuple[str, ...] = ()
    cgroup: CgroupMemory | None = None
    status: ProcStatus | None = None
    descriptors: Descriptors | None = None
    rollup: Rollup | None = None
    totals: MappingTotals | None = None
    file_rss: tuple[tuple[str, int], ...] = ()
    """Resident bytes of each mapped file that is no library, by path."""
    mappings: tuple[Mapping, ...] = ()
    regions: tuple[Region, ...] = ()
    heap: HeapInfo | None = None
    nmt: NmtReport | None = None
    nmt_answer: NmtAnswer | None = None
    threads: ThreadStems | None = None
    malloc: MallocInfo | None = None
    gc: Experiment | None = None
    trim: Experiment | None = None
    pools: BufferPools | None = None
    codecache: CodeCache | None = None
    metaspace: Metaspace | None = None
    classloaders: ClassLoaderStats | None = None
    compiler: CompilerMemory | None = None
    system_map: SystemMap | None = None
    contents: tuple[MemoryContent, ...] = ()
    """What the growing regions hold: one look by each probe that took one."""
    thread_stacks: tuple[NativeStack, ...] = ()
    """perf's samples of where threads ran; a stack's weight counts samples."""
    fault_stacks: tuple[NativeStack, ...] = ()
    """perf's samples of page faults, which make resident memory grow; a stack's weight counts them."""

    def source(self, prefix: str) -> str | None:
        """The id of the evidence whose probe and name start with this."""
        return next((source for source in self.sources if source.startswith(prefix)), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one pod, samples in the order of time."""

    jvm: JvmIdentity | None = None
    limit_bytes: int | None = None
    samples: tuple[Sample, ...] = ()
    others: tuple[OtherProcess, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    bad_lines: int = 0
    native_stacks: tuple[NativeStack, ...] | None = None
    """Native memory that was allocated while it was profiled and lives still, by stack, bytes. None: not profiled."""
    native_seconds: float | None = None
    """How long it was profiled: a recording that grew too large ends early."""
    heap_profiles: tuple[TakenProfile, ...] = ()
    """The first one after warm-up and the last one."""
    symbols: tuple[tuple[int, str], ...] = ()
    """Names of the addresses in the heap profiles' stacks, by address."""

    @property
    def own_ranges(self) -> tuple[tuple[int, int], ...]:
        """[start, end) of what the VM says is its own, by System.map and by NMT's map of level detail."""
        last_map = next((sample.system_map for sample in reversed(self.samples) if sample.system_map), None)
        last_nmt = next((sample.nmt for sample in reversed(self.samples) if sample.nmt and sample.nmt.regions), None)
        regions = tuple((region.start, region.end) for region in last_nmt.regions) if last_nmt else ()
        return (last_map.own_ranges if last_map else ()) + regions

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The growing regions' raw material: every sample that has mappings."""
        return tuple(Reading(sample.at, sample.incarnation, sample.regions) for sample in self.samples if sample.totals)
