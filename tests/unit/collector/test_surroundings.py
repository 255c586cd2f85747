"""What is around the JVM: the pod's limit, the other processes of its cgroup, its open descriptors."""

from __future__ import annotations

import os
from pathlib import Path

from offheap.collector.probes.cgroup import headroom_bytes, read_memory
from offheap.collector.procfs import Proc
from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import FakeProc, named

WHOLE = "101 100 0:51 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"
MIB = 1 << 20


def cgroup(home: Path, path: str, usage: int, limit: str) -> None:
    folder = home / "root/sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.current").write_text(f"{usage}\n")
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.stat").write_text("anon 1\n")


def test_the_nearest_limit_above_is_told_and_counts(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7, mounts=WHOLE)
    cgroup(home, "pod/app", 64 * MIB, "max")
    cgroup(home, "pod", 90 * MIB, str(100 * MIB))
    data = named(collect("sample"), "cgroup", "memory")[0]["data"]
    assert data["above"] == {"memory.current": f"{90 * MIB}\n", "memory.max": f"{100 * MIB}\n"}
    assert headroom_bytes(*read_memory(Proc(str(proc.root)), 7)) == 10 * MIB


def test_what_a_container_does_not_see_is_not_told(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    assert "above" not in named(collect("sample"), "cgroup", "memory")[0]["data"]


def test_only_processes_of_the_same_cgroup_are_its_others(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    proc.add(8, "sh", "sh", "-c", "sleep 1")
    proc.add(9, "envoy", "envoy")
    (proc.root / "9/cgroup").write_text("0::/pod/sidecar\n")
    records = named(collect("sample"), "process", "others")
    assert [r["sample"] for r in records] == [0, 2]
    assert records[0]["data"] == {
        "processes": [{"pid": 8, "comm": "sh", "threads": 4, "rss_bytes": 5000 * os.sysconf("SC_PAGE_SIZE")}]
    }


def test_descriptors_are_counted_by_kind(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7)
    targets = (
        "socket:[11]",
        "socket:[12]",
        "pipe:[13]",
        "anon_inode:[eventpoll]",
        "/opt/app.jar",
        "/tmp/x (deleted)",
        "/dev/null",
    )
    for number, target in enumerate(targets):
        (home / f"fd/{number}").symlink_to(target)
    (home / "limits").write_text(
        "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n"
    )
    assert named(collect("sample"), "process", "fds")[0]["data"] == {
        "count": 7,
        "limit": 1024,
        "kinds": {"socket": 2, "pipe": 1, "anon": 1, "file": 2, "device": 1},
        "deleted_files": 1,
    }
