"""Each evidence of the collector reaches its parser and its field; what cannot be read is told and harms nothing."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path

import pytest

from offheap.evidence.buffer_pools import BufferPool, NettyCounters
from offheap.evidence.bundle import Evidence, Sample, bundle
from offheap.evidence.regions import growing_regions
from offheap.evidence.stream import read_stream

FIXTURES = Path(__file__).parents[2] / "fixtures"
MIB = 1 << 20
IDENTITY = {"pid": 7, "start_time_ticks": 9, "feature": 25}
POOLS = {
    "pools": [
        {"name": "direct", "count": 3, "used_bytes": 12 * MIB, "capacity_bytes": 11 * MIB},
        {"name": "mapped", "count": 1, "used_bytes": 4096, "capacity_bytes": 4096},
    ],
    "max_direct_bytes": 64 * MIB,
    "disable_explicit_gc": True,
    "netty": [
        {
            "class": "io.netty.util.internal.PlatformDependent",
            "used_direct_bytes": 5 * MIB,
            "max_direct_bytes": 64 * MIB,
            "pooled": {"used_direct_bytes": 4 * MIB},
        },
        {"class": "shaded.io.netty.util.internal.PlatformDependent", "used_direct_bytes": -1, "pooled": None},
    ],
}
TRIM = {
    "rss_before_bytes": 201 * MIB,
    "rss_after_bytes": 62 * MIB,
    "anonymous_before_bytes": 180 * MIB,
    "anonymous_after_bytes": 41 * MIB,
    "answer": "Trim native heap: RSS+Swap: 201M->62532K (-140M)",
}


def fixture(path: str) -> str:
    return (FIXTURES / path).read_text()


def evidence(*records: tuple[str, str, int | None, object]) -> Evidence:
    """From (probe, name, sample, data), ten seconds a sample."""
    lines = [
        json.dumps(
            {
                "seq": seq,
                "type": "evidence",
                "at": 1000 + 10 * (sample or 0),
                "elapsed": 0,
                "probe": probe,
                "name": name,
                "sample": sample,
                "data": data,
            }
        )
        for seq, (probe, name, sample, data) in enumerate((("process", "identity", None, IDENTITY), *records))
    ]
    return bundle([read_stream(lines)])


def only(*records: tuple[str, str, int | None, object]) -> Sample:
    found = evidence(*records)
    assert found.unreadable == ()
    [sample] = found.samples
    return sample


def test_answers_of_the_vm() -> None:
    sample = only(
        ("jvm", "codecache", 0, fixture("jcmd/jcmd-25-measured-Compiler.codecache.txt")),
        ("jvm", "metaspace", 0, fixture("jcmd/jcmd-25-measured-VM.metaspace.txt")),
        ("jvm", "classloader_stats", 0, fixture("jcmd/jcmd-21-measured-classloaderstats-proxy.txt")),
        ("jvm", "compiler_memory", 0, fixture("jcmd/jcmd-25-measured-Compiler.memory.txt")),
        ("jvm", "system_map", 0, fixture("jcmd/jcmd-25-measured-System.map.txt")),
    )
    assert sample.codecache is not None
    assert sample.metaspace is not None
    assert sample.classloaders is not None
    assert sample.classloaders.total_loaders == 803
    assert sample.compiler is not None
    assert sample.compiler.largest is not None
    assert sample.system_map is not None
    assert sample.source("jvm/system_map") == "jvm/system_map@0"


def test_malloc_and_its_experiments() -> None:
    sample = only(
        ("malloc-info", "info", 3, fixture("malloc/mallocinfo-25-measured-jfrag.txt")),
        ("malloc-info", "gc", 3, TRIM | {"rss_after_bytes": 200 * MIB, "anonymous_after_bytes": 179 * MIB}),
        ("malloc-info", "trim", 3, TRIM),
    )
    assert sample.malloc is not None
    assert sample.malloc.total.free_share > 0.9
    assert sample.gc is not None
    assert sample.gc.returned_bytes == MIB
    assert sample.trim is not None
    assert sample.trim.returned_bytes == 139 * MIB


def test_a_trim_that_a_person_took() -> None:
    sample = only(("malloc-info", "trim", 0, fixture("malloc/trim-17-measured-jfrag.txt")))
    assert sample.trim is not None
    assert sample.trim.returned_bytes == 140 * MIB


def test_buffer_pools() -> None:
    pools = only(("buffer-pools", "pools", 0, POOLS)).pools
    assert pools is not None
    assert pools.direct == BufferPool("direct", 3, 12 * MIB, 11 * MIB)
    assert pools.mapped is not None
    assert (pools.max_direct_bytes, pools.disable_explicit_gc, pools.netty_bytes) == (64 * MIB, True, 5 * MIB)
    assert pools.netty[1] == NettyCounters("shaded.io.netty.util.internal.PlatformDependent", None, None, None)


def test_stacks_of_perf() -> None:
    sample = only(("perf", "threads", 0, "java;main;memcpy 12\n"), ("perf", "page_faults", 0, "java;start;write 3\n"))
    assert [stack.weight_bytes for stack in (*sample.thread_stacks, *sample.fault_stacks)] == [12, 3]


def test_other_processes_and_what_they_gained() -> None:
    def listed(*processes: tuple[int, int]) -> dict[str, object]:
        return {"processes": [{"pid": pid, "comm": f"p{pid}", "rss_bytes": rss} for pid, rss in processes]}

    found = evidence(
        ("process", "processes", None, listed((7, 90), (12, 50), (13, 5)) | {"target_pid": 7}),
        ("process", "others", 0, listed((12, 60), (14, 9))),
        ("process", "others", 5, listed((12, 80), (14, 9))),
    )
    assert [(other.pid, other.rss_bytes, other.grown_bytes) for other in found.others] == [(12, 80, 30), (14, 9, 0)]


def test_descriptors_and_the_pods_limit() -> None:
    files = {"memory.current": "9000", "memory.max": "max", "memory.stat": "anon 5000\nfile 0\n"}
    found = evidence(
        ("process", "fds", 0, {"count": 3, "limit": 9, "kinds": {"socket": 3}, "deleted_files": 0}),
        (
            "cgroup",
            "memory",
            0,
            {"version": 2, "files": files, "above": {"memory.current": "9500", "memory.max": "20000"}},
        ),
    )
    assert found.unreadable == ()
    assert found.samples[0].descriptors is not None
    assert found.limit_bytes is None, "the pod's limit may be its node's: half a percent of that would hide a leak"
    assert found.samples[0].cgroup is not None
    assert found.samples[0].cgroup.above_limit_bytes == 20000


def test_looks_at_memory_by_either_probe() -> None:
    looked = {"method": "proc-mem", "pause_seconds": 0, "regions": []}
    sample = only(
        ("memory", "content", 0, looked), ("gdb", "content", 0, looked | {"method": "gdb", "pause_seconds": 0.1})
    )
    assert [content.method for content in sample.contents] == ["proc-mem", "gdb"]


def test_the_vms_own_ranges_come_of_its_maps() -> None:
    found = evidence(
        ("jvm", "system_map", 0, fixture("jcmd/jcmd-25-measured-System.map.txt")),
        ("nmt", "detail", 0, fixture("nmt/nmt-25-measured-unsafe-detail.txt")),
    )
    assert len(found.own_ranges) > 90
    assert evidence(("jvm", "metaspace", 0, "")).own_ranges == ()


def test_regions_of_every_sample_are_kept_and_shared() -> None:
    first, last = fixture("smaps/smaps-17-measured-idle.txt"), fixture("smaps/smaps-17-measured-jmalloc.txt")
    found = evidence(*(("smaps", "smaps", index, last if index == 3 else first) for index in range(4)))
    assert [bool(sample.regions) for sample in found.samples] == [True] * 4
    assert [bool(sample.mappings) for sample in found.samples] == [True, False, False, True]
    assert all(a is b for a, b in zip(found.samples[0].regions, found.samples[1].regions, strict=True))
    assert growing_regions(found.readings)[0].resident_bytes == 63796 << 10


def blob(seq: int, name: str, data: bytes, kind: str = "jemalloc-heap", probe: str = "jemalloc") -> str:
    return json.dumps(
        {
            "seq": seq,
            "type": "blob",
            "at": 1000 + seq,
            "probe": probe,
            "name": name,
            "kind": kind,
            "sample": seq,
            "part": 0,
            "zdata": base64.b64encode(zlib.compress(data)).decode(),
            "size_bytes": len(data),
            "crc32": zlib.crc32(data),
        }
    )


def test_of_an_allocators_profiles_the_first_after_warm_up_and_the_last_are_read() -> None:
    first = (FIXTURES / "heap_profile/jemalloc-17-measured-inflater-manual.heap.txt").read_bytes()
    last = (FIXTURES / "heap_profile/jemalloc-17-measured-inflater-final.heap.txt").read_bytes()
    names = {"7f1": "Java_java_util_zip_Inflater_init", "bad": 7, "0x1": "with a prefix"}
    lines = [
        blob(0, "a.7.0.i0.heap", b"start-up"),
        blob(1, "a.7.1.i1.heap", first),
        *(blob(seq, f"a.7.{seq}.i{seq}.heap", b"not read") for seq in range(2, 6)),
        blob(6, "a.7.6.f6.heap", last),
        *(
            json.dumps(
                {"seq": 10 + seq, "type": "evidence", "probe": "jemalloc", "name": "symbols", "data": {"symbols": each}}
            )
            for seq, each in enumerate((names, {"7f2": "inflate"}))
        ),
    ]
    found = bundle([read_stream(lines)])
    assert found.unreadable == ()
    assert [(each.allocator, each.name, each.at) for each in found.heap_profiles] == [
        ("jemalloc", "a.7.1.i1.heap", 1001),
        ("jemalloc", "a.7.6.f6.heap", 1006),
    ]
    assert found.heap_profiles[1].profile.bytes > 50 * MIB
    assert found.symbols == ((0x7F1, "Java_java_util_zip_Inflater_init"), (0x7F2, "inflate"))


def test_one_profile_is_enough_and_a_broken_one_is_told() -> None:
    whole = (FIXTURES / "heap_profile/gperftools-17-measured-jmalloc.heap.txt").read_bytes()
    found = bundle(
        [
            read_stream(
                [blob(0, "heap.0001.heap", whole, "gperftools-heap", "gperftools"), blob(1, "a.7.0.i0.heap", b"?")]
            )
        ]
    )
    assert [each.allocator for each in found.heap_profiles] == ["gperftools"]
    assert [each.source for each in found.unreadable] == ["jemalloc/a.7.0.i0.heap"]


def test_a_recording_of_malloc_tells_the_stacks_and_how_long_it_looked() -> None:
    recording = gzip.decompress((FIXTURES / "jfr/asprof-4.6-jdk8-deflater.jfr.gz").read_bytes())
    lines = [
        blob(0, "nativemem.jfr", recording, "jfr", "nativemem"),
        blob(1, "nativemem.jfr", b"?", "jfr", "nativemem"),
    ]
    found = bundle([read_stream(lines)])
    assert found.native_stacks is not None
    assert found.native_stacks[0].java_frame == "java/util/zip/Deflater.init"
    assert found.native_stacks[0].weight_bytes > 25 * MIB
    assert found.native_seconds == pytest.approx(13.5, abs=0.5)
    assert [each.source for each in found.unreadable] == ["nativemem/nativemem.jfr"]
    assert (bundle([]).native_stacks, bundle([]).native_seconds) == (None, None)


BROKEN: list[tuple[str, str, object]] = [
    ("jvm", "codecache", "Unknown diagnostic command"),
    ("jvm", "metaspace", 7),
    ("jvm", "classloader_stats", "Unknown diagnostic command"),
    ("jvm", "compiler_memory", "Unknown diagnostic command"),
    ("jvm", "system_map", "No VM information"),
    ("malloc-info", "info", "Not available"),
    ("malloc-info", "trim", "Not available"),
    ("malloc-info", "gc", {"rss_before_bytes": True}),
    ("malloc-info", "trim", []),
    ("buffer-pools", "pools", {"error": "java.lang.NoClassDefFoundError"}),
    ("buffer-pools", "pools", {"pools": [{"name": "direct"}]}),
    ("buffer-pools", "pools", {"pools": []}),
    ("buffer-pools", "pools", "text"),
    ("perf", "threads", "no weight"),
    ("memory", "content", {}),
]


@pytest.mark.parametrize(("probe", "name", "data"), BROKEN)
def test_what_cannot_be_read_is_told_and_the_rest_goes_on(probe: str, name: str, data: object) -> None:
    found = evidence(
        (probe, name, 0, data), ("process", "status", 0, fixture("procstatus/procstatus-17-measured-idle.txt"))
    )
    assert [each.source for each in found.unreadable] == [f"{probe}/{name}@0"]
    assert found.samples[0].status is not None
    assert found.samples[0].sources == ("process/status@0",)
