"""Made-up samples that agree in themselves, for the rules."""

from __future__ import annotations

from collections.abc import Mapping

from offheap.evidence.bundle import Sample
from offheap.evidence.cgroup import CgroupMemory
from offheap.evidence.heap_info import HeapInfo
from offheap.evidence.identity import JvmIdentity, parse_identity
from offheap.evidence.mappings import ClassTotal, MappingClass, MappingTotals
from offheap.evidence.nmt_report import Extent, NmtCategory, NmtReport, Tally
from offheap.evidence.procstatus import ProcStatus

MIB = 1 << 20
BASE_OF_8 = {"Java Heap": 64, "Class": 22, "Thread": 3, "Code": 15, "GC": 5, "Internal": 2, "Symbol": 3}
BASE = {"Java Heap": 64, "Class": 2, "Metaspace": 20, "Thread": 3, "Code": 15, "GC": 5, "Symbol": 3, "Module": 1}


def jvm(**members: object) -> JvmIdentity:
    return parse_identity({"pid": 7, "start_time_ticks": 9, "feature": 17, **members})


def sample(
    index: int,
    *,
    nmt: Mapping[str, float] | None = None,
    heap: float = 64,
    used: float | None = None,
    files: tuple[tuple[str, float], ...] = (),
    cache: float = 10,
    tmpfs: float = 0,
    foreign: float = 0,
    heap_in_shared_memory: bool = False,
    classes: int = 1000,
    threads: int = 30,
    base: Mapping[str, float] | None = None,
    arenas: float = 0,
    mmap: float = 0,
) -> Sample:
    """One sample in MiB, consistent in itself: NMT's categories are resident, usage is the sum of all. `arenas` and `mmap`
    are anonymous memory that NMT does not see."""
    categories = {**(base or BASE), **(nmt or {}), "Java Heap": heap}
    off_heap = sum(size for name, size in categories.items() if name != "Java Heap")
    code = b(categories["Code"])
    stacks = b(categories["Thread"] - 1)
    rest = b(off_heap) - code - stacks
    mapped = sum(size for _, size in files)
    anon = off_heap + arenas + mmap + (0 if heap_in_shared_memory else heap)
    shmem = tmpfs + (heap if heap_in_shared_memory else 0)
    heap_total = ClassTotal(1, b(heap), b(heap), b(heap), 0 if heap_in_shared_memory else b(heap))
    return Sample(
        index=index,
        at=1000 + index * 15.0,
        incarnation=(7, 9),
        cgroup=CgroupMemory(
            version=2,
            usage_bytes=b(anon + foreign + mapped + cache + shmem + 2),
            limit_bytes=b(1024),
            anon_bytes=b(anon + foreign),
            file_bytes=b(mapped + cache + shmem),
            shmem_bytes=b(shmem),
            kernel_bytes=b(2),
            inactive_file_bytes=b(cache),
        ),
        status=ProcStatus("java", 7, threads, b(anon + mapped + shmem), b(anon), b(mapped), b(shmem), 0, 0, 0),
        totals=MappingTotals(
            (
                (MappingClass.HEAP, heap_total),
                (MappingClass.STACKS, ClassTotal(9, 0, stacks, stacks, stacks)),
                (MappingClass.CODE_CACHE, ClassTotal(3, 0, code, code, code)),
                (MappingClass.OTHER_ANON, ClassTotal(40, 0, rest + b(mmap), rest + b(mmap), rest + b(mmap))),
                (MappingClass.ARENAS, ClassTotal(8, 0, b(arenas), b(arenas), b(arenas))),
            )
        ),
        file_rss=tuple((path, b(size)) for path, size in files),
        heap=None if used is None else HeapInfo("G1", b(256), b(used), b(256), ((0, 1),)),
        nmt=NmtReport(
            pid=7,
            total=Extent(0, b(sum(categories.values()))),
            categories=tuple(
                NmtCategory(name, Extent(0, b(size)), classes=Tally(classes) if name == "Class" else None)
                for name, size in categories.items()
            ),
        ),
    )


def b(mebibytes: float) -> int:
    return round(mebibytes * MIB)
