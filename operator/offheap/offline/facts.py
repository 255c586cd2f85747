"""What single texts say by themselves, and what to collect next: of use where a verdict is not possible, and beside one."""

from __future__ import annotations

from collections.abc import Iterator

from offheap.diagnosis.allocations import allocations, main_asker
from offheap.diagnosis.growth import MIN_SAMPLES
from offheap.diagnosis.words import share_of, size
from offheap.evidence.oom_log import OomKill
from offheap.evidence.sample import Evidence

_LEAST_FREE_SHARE = 0.5
"""docs/sources.md, decision tree 13."""
_MANY_LOADERS = 50
_LEAST_TRIMMED_BYTES = 4 << 20


def facts(evidence: Evidence, kill: OomKill | None) -> tuple[str, ...]:
    """One sentence each."""
    return (*_of_kill(kill), *_of_profiles(evidence), *_of_malloc(evidence), *_of_classes(evidence))


def to_collect(evidence: Evidence) -> tuple[str, ...]:
    """What would decide it, most telling first."""
    reports = sum(sample.nmt is not None for sample in evidence.samples)
    readings = sum(
        sample.totals is not None or sample.rollup is not None or sample.status is not None
        for sample in evidence.samples
    )
    wanted: list[str] = []
    if reports < MIN_SAMPLES:
        wanted.append("jcmd PID VM.native_memory summary (the JVM must run with -XX:NativeMemoryTracking=summary)")
    if readings < MIN_SAMPLES:
        wanted.append("cat /proc/PID/smaps, and /proc/PID/status")
    if wanted:
        wanted.append("jcmd PID GC.heap_info, each time as well")
        wanted.append(
            f"{MIN_SAMPLES} times or more, with the same time between, over ten minutes or more of usual load"
        )
    return tuple(wanted)


def _of_kill(kill: OomKill | None) -> Iterator[str]:
    if kill is None:
        return
    cause = "out of memory"
    if kill.is_by_cgroup is not None:
        cause = "by the limit of its cgroup" if kill.is_by_cgroup else "because the node ran out of memory"
    by = f", when its thread {kill.invoked_by} asked for more" if kill.invoked_by else ""
    yield (
        f"The kernel killed {kill.task} (pid {kill.pid}) {cause}{by}: {size(kill.anon_rss_bytes)} anonymous and "
        f"{size(kill.file_rss_bytes + kill.shmem_rss_bytes)} of files and shared memory were resident."
    )


def _of_profiles(evidence: Evidence) -> Iterator[str]:
    for seen in allocations(evidence):
        for stacks, whose in ((seen.native, "native code holds"), (seen.by_java, "direct buffers and Unsafe hold")):
            asker = main_asker(stacks)
            if asker is not None:
                whole = sum(stack.weight_bytes for stack in stacks)
                yield f"By {seen.probe}, {whose} {size(whole)}: {share_of(asker.share)} of it asked for by {asker.words}."


def _of_malloc(evidence: Evidence) -> Iterator[str]:
    malloc = next((sample.malloc for sample in reversed(evidence.samples) if sample.malloc), None)
    if malloc is not None:
        total = malloc.total
        much = total.free_share >= _LEAST_FREE_SHARE
        yield (
            f"glibc's arenas hold {size(total.system_bytes)}, {size(total.free_bytes)} ({share_of(total.free_share)}) of it free"
            f"{': it keeps what the program gave back' if much else ''}; {size(total.mmap_bytes)} lie in blocks of their own."
        )
    trim = next((sample.trim for sample in reversed(evidence.samples) if sample.trim), None)
    if trim is not None:
        kept = (
            "glibc had kept that free"
            if trim.returned_bytes >= _LEAST_TRIMMED_BYTES
            else "next to nothing was kept free"
        )
        yield f"A trim gave {size(trim.returned_bytes)} of {size(trim.rss_before_bytes)} back: {kept}."


def _of_classes(evidence: Evidence) -> Iterator[str]:
    loaders = next((sample.classloaders for sample in reversed(evidence.samples) if sample.classloaders), None)
    for kind in loaders.by_type() if loaders else ():
        if kind.loaders >= _MANY_LOADERS:
            yield (
                f"{kind.loaders} class loaders {kind.type} live, with {kind.classes} classes and {size(kind.chunk_bytes)} "
                "of metaspace."
            )
    compiler = next((sample.compiler for sample in reversed(evidence.samples) if sample.compiler), None)
    largest = compiler.largest if compiler else None
    if largest is not None:
        yield f"The largest compilation took {size(largest.total_bytes)}: {largest.method}."
