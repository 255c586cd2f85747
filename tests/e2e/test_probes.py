"""Each source of evidence on a real JVM: it has run, and its own output lies in the artifacts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .artifacts import Artifacts, artifacts
from .kubectl import Json, Kubectl
from .lab import deployment, jvm
from .operator import Operator
from .scene import Scene, condition, namespace, phase

SHORT = {"interval": "5s", "duration": "30s"}
TRACKED = "-XX:NativeMemoryTracking=detail"


def cgroup(kept: Artifacts) -> None:
    files = kept.json("cgroup/memory")["files"]
    assert int(files["memory.current"]) > 2**20 if "memory.current" in files else files["memory.usage_in_bytes"]
    assert "inactive_file " in files["memory.stat"]
    assert "oom_kill" in files.get("memory.events", "") + files.get("memory.oom_control", "")


def smaps(kept: Artifacts) -> None:
    text = kept.text("smaps/smaps@")
    assert "libjvm.so" in text
    assert text.count("Pss:") > 20
    assert "Rss:" in kept.text("smaps/rollup@")


def pmap(kept: Artifacts) -> None:
    assert kept.text("pmap/growing-regions").strip()


def process(kept: Artifacts) -> None:
    assert "VmRSS:" in kept.text("process/status@")


def nmt(kept: Artifacts) -> None:
    assert "Native Memory Tracking" in kept.text("nmt/summary@")
    assert re.search(r"^\[0x[0-9a-f]+\]", kept.text("nmt/detail.diff@"), re.MULTILINE), "no call site"


def jvm_itself(kept: Artifacts) -> None:
    assert "eden space" in kept.text("jvm/heap_info@")
    assert "CodeHeap" in kept.text("jvm/codecache@") or "CodeCache" in kept.text("jvm/codecache@")
    assert "stems" in kept.json("jvm/threads@")
    assert "libjvm.so" in kept.text("jvm/system_map@")


def malloc_info(kept: Artifacts) -> None:
    assert "<malloc" in kept.text("malloc-info/info@")
    for experiment in ("gc", "trim"):
        told = kept.json(f"malloc-info/{experiment}@")
        assert told["rss_before_bytes"] > told["rss_after_bytes"] // 2 > 0, told


def buffer_pools(kept: Artifacts) -> None:
    told = kept.json("buffer-pools/pools@")
    assert {"direct", "mapped"} <= {pool["name"] for pool in told["pools"]}, told
    assert told["max_direct_bytes"] == 2**30, told
    (netty,) = told["netty"]
    assert netty["class"] == "io.netty.util.internal.PlatformDependent", netty
    assert netty["pooled"]["used_direct_bytes"] >= 16 * 2**20, netty


def nativemem(kept: Artifacts) -> None:
    assert kept.data("nativemem/nativemem.jfr").startswith(b"FLR\0")
    assert kept.json("nativemem/start@")["interval_bytes"] == 64 * 1024


def memory(kept: Artifacts) -> None:
    told = kept.json("memory/content@")
    assert (told["method"], told["pause_seconds"]) == ("proc-mem", 0), told
    assert told["regions"], told
    assert all(region["read_bytes"] > 0 for region in told["regions"]), told


ROWS: dict[str, Callable[[Artifacts], None]] = {
    "cgroup": cgroup,
    "smaps": smaps,
    "pmap": pmap,
    "process": process,
    "nmt": nmt,
    "jvm": jvm_itself,
    "malloc-info": malloc_info,
    "buffer-pools": buffer_pools,
    "nativemem": nativemem,
    "memory": memory,
}
"""All that the levels Observe, Attach and Profile have, but perf."""


def test_all_but_perf_work_under_pod_security_restricted(
    scene: Scene, operator: Operator, subtests: pytest.Subtests
) -> None:
    """On Netty's pool, so that each has something to tell, and on the JDK that has all commands."""
    before = scene.deploy(deployment("orders", jvm("netty", 25, options=[TRACKED])))
    scene.investigate(
        "orders",
        intrusion="Profile",
        sampling=SHORT,
        instrumentation={"nmt": "Detail"},
        probes=[
            {"name": "malloc-info", "mallocInfo": {"trim": True, "gc": True}},
            {"name": "nativemem", "nativemem": {"interval": "64Ki"}},
        ],
    )

    mi = scene.finished()

    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    assert scene.footprint("orders") == before
    probes, kept = by_name(mi), artifacts(operator, mi)
    for name, holds in ROWS.items():
        with subtests.test(name):
            assert probes[name]["state"] == "Done", probes[name]
            assert probes[name].get("reason") is None, probes[name]
            holds(kept)
    with subtests.test("perf"):
        assert (probes["perf"]["state"], probes["perf"]["reason"]) == ("Skipped", "PerfNotPermitted"), probes["perf"]
        assert "CAP_PERFMON" in probes["perf"]["message"], probes["perf"]


@pytest.fixture
def open_scene(kubectl: Kubectl, operator: Operator) -> Iterator[Scene]:
    """A namespace that forbids a pod nothing."""
    with namespace(kubectl, "privileged") as scene:
        yield scene


def test_perf_where_it_is_permitted(open_scene: Scene, operator: Operator) -> None:
    scene = open_scene
    scene.deploy(deployment("orders", jvm("jnimalloc", 17)))
    scene.investigate(
        "orders", intrusion="Profile", sampling=SHORT, probes=[{"name": "perf", "perf": {"duration": "8s"}}]
    )

    mi = scene.finished()

    perf = by_name(mi)["perf"]
    assert perf["state"] == "Done", perf
    stacks = artifacts(operator, mi).text("perf/page_faults@")
    assert "Java_offheap_lab_NativeLibrary_keepByMalloc" in stacks, stacks[:2000]


def test_gdb_and_the_memory_probe_name_the_same_owner(scene: Scene, operator: Operator) -> None:
    scene.deploy(deployment("orders", jvm("session-cache", 17)))
    scene.investigate(
        "orders",
        intrusion="Pause",
        sampling=SHORT,
        probes=[{"name": "memory"}, {"name": "gdb"}],
        budget={"pause": "5s", "targetMemory": "128Mi"},
    )

    mi = scene.finished()

    probes, kept = by_name(mi), artifacts(operator, mi)
    for name in ("memory", "gdb"):
        assert probes[name]["state"] == "Done", probes[name]
        assert "com.acme.ImageCache" in kept.text(f"{name}/content@"), kept.text(f"{name}/content@")[:2000]
    assert probes["gdb"]["pause"], probes["gdb"]
    assert "pause" not in probes["memory"], probes["memory"]
    assert kept.json("gdb/content@")["pause_seconds"] > kept.json("memory/content@")["pause_seconds"] == 0
    assert "com.acme.ImageCache" in str(mi["status"]["verdict"]) + str(mi["status"]["findings"])


def test_gperftools_writes_profiles_that_are_kept(scene: Scene, operator: Operator) -> None:
    before = scene.deploy(deployment("orders", jvm("jnimalloc", 21)))
    scene.investigate(
        "orders",
        intrusion="Restart",
        sampling=SHORT,
        instrumentation={"allocator": "Tcmalloc", "gperftools": {"allocationInterval": "8Mi", "inuseInterval": "4Mi"}},
    )

    mi = scene.finished()

    assert by_name(mi)["gperftools"]["state"] == "Done", by_name(mi)
    kept = artifacts(operator, mi)
    assert len(kept.of_kind("gperftools-heap")) >= 2, kept.names
    symbols = "".join(kept.text(name) for name in kept.names if name.startswith("gperftools/symbols@"))
    assert "Java_offheap_lab_NativeLibrary_keepByMalloc" in symbols, kept.names
    assert scene.footprint("orders").same_template(before)


@pytest.mark.parametrize(
    ("kind", "trials"),
    [("fragmentation", ["ArenaMax", "TrimNativeHeap"]), ("netty", ["NettyUnpooled", "MaxDirectMemorySize"])],
)
def test_trials_are_made_one_at_a_time_and_compared(scene: Scene, kind: str, trials: list[str]) -> None:
    """What the command line says wins over variables, so it says nothing of the limit that a trial sets."""
    container = jvm(kind, 25, options=["-Xmx300m"])
    container["args"] = [word for word in container["args"] if "MaxDirectMemorySize" not in word]
    before = scene.deploy(deployment("orders", container))
    limit = {"maxDirectMemorySize": "512Mi"} if "MaxDirectMemorySize" in trials else {}
    scene.investigate("orders", sampling=SHORT, instrumentation={"trials": trials, **limit})

    mi = scene.finished()

    assert [(stage["name"], stage["state"]) for stage in mi["status"]["stages"]] == [
        (name, "Done") for name in ("Baseline", *trials)
    ]
    told = [probe["message"] for probe in mi["status"]["probes"] if probe["name"] == "trial"]
    assert [message.split(":")[0] for message in told] == trials, told
    assert condition(mi, "Restored")["status"] == "True", condition(mi, "Restored")
    assert scene.footprint("orders").same_template(before)


def by_name(mi: Json) -> dict[str, Any]:
    """The outcome of each probe."""
    return {probe["name"]: probe for probe in mi["status"]["probes"]}
