"""cgroup files, /proc/PID/status, GC.heap_info and the JVM's identity."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.cgroup import parse_cgroup
from offheap.evidence.errors import EvidenceError
from offheap.evidence.heap_info import parse_heap_info
from offheap.evidence.identity import parse_identity
from offheap.evidence.procstatus import parse_status

FIXTURES = Path(__file__).parents[2] / "fixtures"
KIB, MIB = 1 << 10, 1 << 20

V2_STAT = "anon 100\nfile 50\nkernel 30\nslab 12\nsock 3\nshmem 7\nfile_mapped 20\ninactive_file 9\nactive_file 31\n"


def test_cgroup_version_1() -> None:
    stat = (FIXTURES / "cgroup" / "cgroupv1-memory.stat-sample.txt").read_text()
    memory = parse_cgroup(
        1,
        {
            "memory.stat": stat,
            "memory.usage_in_bytes": "275000000\n",
            "memory.limit_in_bytes": "9223372036854771712\n",
            "memory.kmem.usage_in_bytes": "4096\n",
            "memory.max_usage_in_bytes": "300000000\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        },
    )
    assert memory.limit_bytes is None
    assert (memory.anon_bytes, memory.file_bytes) == (2736128, 267956224)
    assert memory.kernel_bytes == 4096
    assert memory.working_set_bytes == 275000000 - 170283008
    assert (memory.peak_bytes, memory.oom_kill_count) == (300000000, 2)


def test_cgroup_version_2() -> None:
    memory = parse_cgroup(
        2,
        {
            "memory.current": "190\n",
            "memory.max": "268435456\n",
            "memory.stat": V2_STAT,
            "memory.events": "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n",
            "memory.pressure": "some avg10=1.25 avg60=0.50 avg300=0.10 total=12345\n",
        },
    )
    assert memory.limit_bytes == 256 * MIB
    assert (memory.kernel_bytes, memory.slab_bytes, memory.sock_bytes, memory.shmem_bytes) == (30, 12, 3, 7)
    assert (memory.oom_count, memory.oom_kill_count, memory.peak_bytes) == (1, 1, None)
    assert memory.pressure_some_avg10 == 1.25
    assert memory.working_set_bytes == 181


def test_kernel_memory_before_linux_5_18_is_the_sum_of_its_parts() -> None:
    stat = "anon 1\nfile 1\nkernel_stack 10\npagetables 20\npercpu 1\nslab_reclaimable 3\nslab_unreclaimable 4\n"
    assert parse_cgroup(2, {"memory.current": "40", "memory.max": "max", "memory.stat": stat}).kernel_bytes == 38


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"memory.current": "1"},
        {"memory.current": "one", "memory.stat": ""},
        {"memory.current": "1", "memory.stat": "anon\n"},
    ],
)
def test_cgroup_errors(files: dict[str, str]) -> None:
    with pytest.raises(EvidenceError):
        parse_cgroup(2, files)
    with pytest.raises(EvidenceError):
        parse_cgroup(3, files)


@pytest.mark.parametrize(
    ("name", "threads", "anon_kib", "shmem_kib"),
    [
        ("17-measured-idle", 20, 15816, 0),
        ("17-measured-thread", 140, 27416, 0),
        ("17-measured-zgc-heap80MB", 22, 16368, 95796),
        ("8-web1992", 735, 3981328, 0),
    ],
)
def test_status(name: str, threads: int, anon_kib: int, shmem_kib: int) -> None:
    status = parse_status((FIXTURES / "procstatus" / f"procstatus-{name}.txt").read_text())
    assert status.threads == threads
    assert status.rss_anon_bytes == anon_kib * KIB
    assert abs(status.rss_shmem_bytes - shmem_kib * KIB) < 2 * KIB


HEAP_INFO = {
    "8": ("Parallel", 94208, 1474, [(0xFA000000, 0x100000000)]),
    "11": ("G1", 98304, 1024, [(0xFA000000, 0x100000000)]),
    "17": ("G1", 98304, 1324, [(0xFA000000, 0x100000000)]),
    "21": ("G1", 98304, 1811, [(0xFA000000, 0x100000000)]),
    "25": ("G1", 98304, 2467, [(0xFA000000, 0x100000000)]),
    "17-Serial": ("Serial", 126720, 81704, [(0xF8000000, 0x100000000)]),
    "25-Serial": ("Serial", 126720, 83194, [(0xF8000000, 0x100000000)]),
    "17-Parallel": ("Parallel", 125952, 104231, [(0xF8000000, 0x100000000)]),
    "25-Parallel": ("Parallel", 126464, 106572, [(0xF8000000, 0x100000000)]),
    "17-Z": ("Z", 131072, 82 * 1024, []),
    "25-Z": ("Z", 131072, 90 * 1024, []),
    "17-Shenandoah": ("Shenandoah", 131072, 59169, [(0xF8000000, 0x100000000)]),
    "25-Shenandoah": ("Shenandoah", 131072, 54018, [(0xF8000000, 0x100000000)]),
    "17-Epsilon": ("Epsilon", 516756, 410305, [(0xDA800000, 0xFA0A5000)]),
}


@pytest.mark.parametrize(("name", "expected"), HEAP_INFO.items())
def test_heap_info(name: str, expected: tuple[str, int, int, list[tuple[int, int]]]) -> None:
    feature, _, collector = name.partition("-")
    stem = f"jcmd-{feature}-measured-{collector}-GC.heap_info" if collector else f"jcmd-{feature}-measured-GC.heap_info"
    heap = parse_heap_info((FIXTURES / "jcmd" / f"{stem}.txt").read_text())
    gc, committed_kib, used_kib, span = expected
    assert (heap.gc, heap.committed_bytes // KIB, heap.used_bytes // KIB) == (gc, committed_kib, used_kib)
    assert [(heap.ranges[0][0], heap.ranges[-1][1])] == span if span else heap.ranges == ()
    assert (heap.metaspace_committed_bytes is None) == (feature == "25")


def test_heap_info_of_cms() -> None:
    heap = parse_heap_info(
        " par new generation   total 59008K, used 1K [0x00000000f8000000, 0x00000000fc000000, 0x00000000fc000000)\n"
        " concurrent mark-sweep generation total 65536K, used 2K [0x00000000fc000000, 0x0000000100000000, 0x0000000100000000)\n"
        " Metaspace       used 2873K, capacity 4564K, committed 4864K, reserved 1056768K\n"
    )
    assert (heap.gc, heap.committed_bytes, heap.used_bytes) == ("CMS", 124544 * KIB, 3 * KIB)
    assert heap.metaspace_committed_bytes == 4864 * KIB


IDENTITY: dict[str, Any] = {
    "pid": 7,
    "start_time_ticks": 12345,
    "uid": 10001,
    "gid": 10001,
    "pid1": False,
    "exe": "/opt/java/bin/java",
    "vm": "HotSpot",
    "vendor": "Eclipse Adoptium",
    "version": "17.0.15",
    "feature": 17,
    "update": 15,
    "gc": "G1",
    "max_heap_bytes": 268435456,
    "libc": "glibc",
    "allocator": "glibc",
    "nmt": "summary",
    "attach": {"ok": False, "reason": "AttachDisabled", "message": "remove -XX:+DisableAttachMechanism"},
    "env": {"JAVA_TOOL_OPTIONS": True, "LD_PRELOAD": False},
    "options": ["-Xmx256m"],
    "read_only_tmp": False,
    "threads": 21,
}


def test_identity() -> None:
    jvm = parse_identity(IDENTITY)
    assert jvm.incarnation == (7, 12345)
    assert jvm.env_set == ("JAVA_TOOL_OPTIONS",)
    assert (jvm.attach.ok, jvm.attach.reason) == (False, "AttachDisabled")
    assert jvm.options == ("-Xmx256m",)


def test_identity_of_an_unknown_vm_needs_little() -> None:
    jvm = parse_identity({"pid": 1, "start_time_ticks": 5, "max_heap_bytes": None})
    assert (jvm.vm, jvm.feature, jvm.max_heap_bytes) == ("unknown", None, None)


@pytest.mark.parametrize(
    "change",
    [{"pid": None}, {"pid": "7"}, {"pid": True}, {"feature": 17.5}, {"options": "x"}, {"attach": 1}, {"vm": 3}],
)
def test_identity_errors(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        parse_identity({**IDENTITY, **change})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, st.sampled_from(sorted(IDENTITY)))
def test_identity_raises_nothing_else(value: Any, member: str) -> None:
    for data in (value, {**IDENTITY, member: value}):
        with suppress(EvidenceError):
            parse_identity(data)


@given(st.text(), st.text(), st.integers(0, 3))
def test_random_texts_raise_nothing_else(text: str, other: str, version: int) -> None:
    names = ("memory.current", "memory.usage_in_bytes", "memory.max", "memory.limit_in_bytes", "memory.events")
    for parse in (
        lambda: parse_status(text),
        lambda: parse_heap_info(text),
        lambda: parse_cgroup(version, {"memory.stat": text} | dict.fromkeys(names, other)),
        lambda: parse_cgroup(version, {"memory.stat": "anon 1\n"} | dict.fromkeys(names, other)),
    ):
        with suppress(EvidenceError):
            parse()
