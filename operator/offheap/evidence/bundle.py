"""From streams to typed evidence: one `Sample` an instant, each text through its parser.

A text that cannot be parsed becomes an `Unreadable` with the parser's reason; the rest goes on. This is the only place
that knows which probe's text goes to which parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

from offheap.evidence.buffer_pools import parse_buffer_pools
from offheap.evidence.cgroup import CgroupMemory, parse_cgroup
from offheap.evidence.classloader_stats import parse_classloader_stats
from offheap.evidence.codecache import parse_codecache
from offheap.evidence.compiler_memory import parse_compiler_memory
from offheap.evidence.content import parse_content
from offheap.evidence.descriptors import parse_descriptors
from offheap.evidence.errors import EvidenceError
from offheap.evidence.experiment import Experiment, parse_experiment
from offheap.evidence.gperftools_heap import parse_gperftools_heap
from offheap.evidence.heap_info import parse_heap_info
from offheap.evidence.heap_profile import HeapProfile
from offheap.evidence.identity import JvmIdentity, parse_identity
from offheap.evidence.jemalloc_heap import parse_jemalloc_heap
from offheap.evidence.jfr import LiveMemory, merged, parse_jfr
from offheap.evidence.malloc_info import parse_malloc_info
from offheap.evidence.mappings import MappingClass, classify, totals
from offheap.evidence.metaspace import parse_metaspace
from offheap.evidence.native_stacks import parse_native_stacks
from offheap.evidence.nmt import parse_nmt
from offheap.evidence.nmt_report import NmtAnswer, NmtReport
from offheap.evidence.procstatus import parse_status
from offheap.evidence.regions import Region, regions_of
from offheap.evidence.sample import Evidence, OtherProcess, Sample, TakenProfile, ThreadStems, Unreadable
from offheap.evidence.smaps import parse_rollup, parse_smaps
from offheap.evidence.stream import Blob, EvidenceRecord, Stream
from offheap.evidence.system_map import parse_system_map
from offheap.evidence.trim import TrimAnswer, parse_trim

_HEAP_PROFILES: dict[str, tuple[str, Callable[[str], HeapProfile]]] = {
    "jemalloc-heap": ("jemalloc", parse_jemalloc_heap),
    "gperftools-heap": ("gperftools", parse_gperftools_heap),
}
"""Kinds of blobs."""
_ADDRESS = re.compile(r"[0-9a-f]{1,16}")
_MAX_SYMBOL = 500
_WARM_UP_SHARE = 0.25
"""Of the profiles of one run, so many are left to the start of the JVM: what they gain is not the leak's."""

__all__ = ["Evidence", "OtherProcess", "Sample", "TakenProfile", "ThreadStems", "Unreadable", "bundle"]


def bundle(streams: Sequence[Stream]) -> Evidence:
    """Parse what the streams of one pod carry. Never raises; the order of the streams does not matter."""
    unreadable: list[Unreadable] = []
    samples: list[Sample] = []
    jvm: JvmIdentity | None = None
    others: tuple[OtherProcess, ...] = ()
    for stream in sorted(streams, key=_first_time):
        stream_jvm = _identity(stream, unreadable)
        jvm = stream_jvm or jvm
        others = _other_processes(stream) or others
        samples.extend(_samples(stream, stream_jvm, unreadable))
    samples.sort(key=lambda sample: (sample.at, sample.index))
    blobs = [blob for stream in streams for blob in stream.blobs]
    profiles = _heap_profiles(blobs, unreadable)
    recordings = _recordings(blobs, unreadable)
    cgroups = [sample.cgroup for sample in samples if sample.cgroup]
    limits = [cgroup.limit_bytes for cgroup in cgroups if cgroup.limit_bytes]
    return Evidence(
        jvm=jvm,
        limit_bytes=limits[-1] if limits else None,
        samples=tuple(samples),
        others=others,
        skipped=tuple(skipped for stream in streams for skipped in stream.skipped),
        unreadable=tuple(unreadable),
        gaps=tuple(gap for stream in streams for gap in stream.gaps),
        bad_lines=sum(stream.bad_lines for stream in streams),
        native_stacks=merged(recordings) if recordings else None,
        native_seconds=sum(recording.seconds for recording in recordings) if recordings else None,
        heap_profiles=profiles,
        symbols=tuple(sorted({name for stream in streams for name in _symbols(stream)})) if profiles else (),
    )


def _first_time(stream: Stream) -> float:
    times = [record.at for record in stream.evidence]
    return stream.hello.at if stream.hello else min(times, default=0.0)


def _identity(stream: Stream, unreadable: list[Unreadable]) -> JvmIdentity | None:
    found: JvmIdentity | None = None
    for record in stream.evidence:
        if (record.probe, record.name) == ("process", "identity"):
            try:
                found = parse_identity(record.data)
            except EvidenceError as error:
                unreadable.append(Unreadable(_source(record), str(error)))
    return found


def _heap_profiles(blobs: Sequence[Blob], unreadable: list[Unreadable]) -> tuple[TakenProfile, ...]:
    """Of each allocator the first profile after warm-up and the last one; the others are not even read."""
    found: list[TakenProfile] = []
    for kind, (allocator, parse) in _HEAP_PROFILES.items():
        own = sorted((blob for blob in blobs if blob.kind == kind), key=lambda blob: (blob.at, blob.seq))
        first = int(len(own) * _WARM_UP_SHARE)
        for blob in own[first : first + 1] + own[max(first + 1, len(own) - 1) :]:
            try:
                profile = parse(blob.data.decode(errors="replace"))
            except EvidenceError as error:
                unreadable.append(Unreadable(f"{blob.probe}/{blob.name}", str(error)))
            else:
                found.append(TakenProfile(allocator, blob.name, blob.at, profile))
    return tuple(found)


def _recordings(blobs: Sequence[Blob], unreadable: list[Unreadable]) -> list[LiveMemory]:
    """What async-profiler saw of malloc and free, in the order of time."""
    found: list[LiveMemory] = []
    for blob in sorted((blob for blob in blobs if blob.kind == "jfr"), key=lambda blob: (blob.at, blob.seq)):
        try:
            found.append(parse_jfr(blob.data))
        except EvidenceError as error:
            unreadable.append(Unreadable(f"{blob.probe}/{blob.name}", str(error)))
    return found


def _symbols(stream: Stream) -> Iterator[tuple[int, str]]:
    """Names of return addresses, which the collector sends as it meets them."""
    for record in stream.evidence:
        if record.name != "symbols" or not isinstance(record.data, dict):
            continue
        symbols = record.data.get("symbols")
        for word, name in symbols.items() if isinstance(symbols, dict) else ():
            if isinstance(name, str) and name and _ADDRESS.fullmatch(word):
                yield int(word, 16), name[:_MAX_SYMBOL]


def _samples(stream: Stream, jvm: JvmIdentity | None, unreadable: list[Unreadable]) -> list[Sample]:
    groups: dict[int, list[EvidenceRecord]] = {}
    for record in stream.evidence:
        if record.sample is not None:
            groups.setdefault(record.sample, []).append(record)
    incarnation = jvm.incarnation if jvm else (0, 0)
    samples: list[Sample] = []
    kept = {min(groups), max(groups)} if groups else set()
    same: dict[Region, Region] = {}
    for index in sorted(groups):
        # One after the other: all mappings of all samples at once would be seven times their texts.
        sample = _sample(index, groups[index], incarnation, jvm, unreadable)
        # Most regions never change: readings share what is equal, so that hours of them stay small.
        regions = tuple(same.setdefault(region, region) for region in sample.regions)
        mappings = sample.mappings if index in kept else ()
        samples.append(replace(sample, mappings=mappings, regions=regions))
    return _with_baseline(samples)


def _with_baseline(samples: list[Sample]) -> list[Sample]:
    """A baseline has no figures of its own, but every later diff tells what they were."""
    diff = next((sample.nmt for sample in samples if sample.nmt and sample.nmt.is_diff), None)
    if diff is None:
        return samples
    for position, sample in enumerate(samples):
        if sample.nmt_answer is NmtAnswer.BASELINE_TAKEN and sample.nmt is None:
            samples[position] = replace(sample, nmt=diff.before())
            break
    return samples


def _sample(
    index: int,
    records: list[EvidenceRecord],
    incarnation: tuple[int, int],
    jvm: JvmIdentity | None,
    unreadable: list[Unreadable],
) -> Sample:
    sample = Sample(index=index, at=min(record.at for record in records), incarnation=incarnation)
    sources: list[str] = []
    for record in records:
        try:
            sample = _with(sample, record)
        except EvidenceError as error:
            unreadable.append(Unreadable(_source(record), str(error)))
        else:
            sources.append(_source(record))
    sample = replace(sample, sources=tuple(sources))
    if not sample.mappings:
        return sample
    ranges = sample.heap.ranges if sample.heap else ()
    classes = classify(sample.mappings, ranges, jvm.max_heap_bytes if jvm else None)
    files: dict[str, int] = {}
    for mapping, kind in zip(sample.mappings, classes, strict=True):
        if kind is MappingClass.MAPPED_FILES and mapping.rss_bytes:
            files[mapping.path] = files.get(mapping.path, 0) + mapping.rss_bytes
    return replace(
        sample,
        totals=totals(sample.mappings, classes),
        file_rss=tuple(sorted(files.items())),
        regions=regions_of(sample.mappings, classes),
    )


def _with(sample: Sample, record: EvidenceRecord) -> Sample:
    data = record.data
    match (record.probe, record.name):
        case ("process", "fds"):
            return replace(sample, descriptors=parse_descriptors(data))
        case ("process", "status"):
            return replace(sample, status=parse_status(_text(data)))
        case ("cgroup", "memory"):
            return replace(sample, cgroup=_cgroup(data))
        case ("smaps", "smaps"):
            return replace(sample, mappings=parse_smaps(_text(data)))
        case ("smaps", "rollup"):
            return replace(sample, rollup=parse_rollup(_text(data)))
        case ("nmt", _):
            return _with_nmt(sample, parse_nmt(_text(data)))
        case ("jvm", name):
            return _with_answer(sample, name, data)
        case ("malloc-info", "info"):
            return replace(sample, malloc=parse_malloc_info(_text(data)))
        case ("malloc-info", "gc"):
            return replace(sample, gc=parse_experiment(data))
        case ("malloc-info", "trim"):
            return replace(sample, trim=_trim(data))
        case ("buffer-pools", "pools"):
            return replace(sample, pools=parse_buffer_pools(data))
        case ("memory" | "gdb", "content"):
            return replace(sample, contents=(*sample.contents, parse_content(data)))
        case ("perf", "threads"):
            return replace(sample, thread_stacks=parse_native_stacks(_text(data)))
        case ("perf", "page_faults"):
            return replace(sample, fault_stacks=parse_native_stacks(_text(data)))
    return sample


def _with_answer(sample: Sample, name: str, data: object) -> Sample:
    """What the VM says of its own parts."""
    match name:
        case "heap_info":
            return replace(sample, heap=parse_heap_info(_text(data)))
        case "threads":
            return replace(sample, threads=_thread_stems(data))
        case "metaspace":
            return replace(sample, metaspace=parse_metaspace(_text(data)))
        case "classloader_stats":
            return replace(sample, classloaders=parse_classloader_stats(_text(data)))
        case "codecache":
            return replace(sample, codecache=parse_codecache(_text(data)))
        case "compiler_memory":
            return replace(sample, compiler=parse_compiler_memory(_text(data)))
        case "system_map":
            return replace(sample, system_map=parse_system_map(_text(data)))
    return sample


def _trim(data: object) -> Experiment:
    """The collector's own measures, or what the VM prints where a person took it by hand."""
    if not isinstance(data, str):
        return parse_experiment(data)
    trim = parse_trim(data)
    if isinstance(trim, TrimAnswer):
        raise EvidenceError(f"nothing was trimmed: {trim.value}")
    after = max(0, trim.before_bytes + trim.change_bytes)
    return Experiment(trim.before_bytes, after, trim.before_bytes, after, data.strip()[:200])


def _with_nmt(sample: Sample, answer: NmtReport | NmtAnswer) -> Sample:
    if isinstance(answer, NmtAnswer):
        return replace(sample, nmt_answer=answer)
    if sample.nmt is None or (answer.is_diff and not sample.nmt.is_diff):
        return replace(sample, nmt=answer)
    if answer.sites:
        # Summary and detail of one instant: the same categories, and the sites come with the detail only.
        return replace(sample, nmt=replace(sample.nmt, sites=answer.sites, regions=answer.regions))
    return sample


def _cgroup(data: object) -> CgroupMemory:
    if not isinstance(data, dict) or not isinstance(data.get("files"), dict):
        raise EvidenceError("the cgroup evidence is not an object with files")
    version = data.get("version")
    if not isinstance(version, int):
        raise EvidenceError("the cgroup evidence has no version")
    files = {name: text for name, text in data["files"].items() if isinstance(name, str) and isinstance(text, str)}
    above = data.get("above")
    pods = above.items() if isinstance(above, dict) else ()
    return parse_cgroup(
        version, files, {name: text for name, text in pods if isinstance(name, str) and isinstance(text, str)}
    )


def _thread_stems(data: object) -> ThreadStems:
    stems = data.get("stems") if isinstance(data, dict) else None
    if not isinstance(stems, dict):
        raise EvidenceError("the threads evidence is not an object with stems")
    counted = tuple(
        sorted(
            (stem[:64], number)
            for stem, number in stems.items()
            if isinstance(stem, str) and isinstance(number, int) and 0 <= number < 1 << 31
        )
    )
    return ThreadStems(sum(number for _, number in counted), counted)


def _other_processes(stream: Stream) -> tuple[OtherProcess, ...]:
    """As they were last read, with what each gained since it was first read."""
    first: dict[int, int] = {}
    found: tuple[OtherProcess, ...] = ()
    for record in stream.evidence:
        if record.probe != "process" or record.name not in ("processes", "others") or not isinstance(record.data, dict):
            continue
        target, processes = record.data.get("target_pid"), record.data.get("processes")
        if not isinstance(processes, list):
            continue
        read = [
            (process["pid"], str(process.get("comm", ""))[:64], cast("int", process["rss_bytes"]))
            for process in processes
            if isinstance(process, dict)
            and isinstance(process.get("pid"), int)
            and isinstance(process.get("rss_bytes"), int)
            and process["pid"] != target
        ]
        found = tuple(OtherProcess(pid, name, rss, rss - first.setdefault(pid, rss)) for pid, name, rss in read)
    return found


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise EvidenceError("a text was expected")
    return data


def _source(record: EvidenceRecord) -> str:
    where = "" if record.sample is None else f"@{record.sample}"
    return f"{record.probe}/{record.name}{where}"
