"""Heap profiles leave once each, whole, only the JVM's own; their addresses get names, and the folder is kept small."""

from __future__ import annotations

import base64
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offheap.collector import profile_files
from offheap.collector.visit import Visit
from tests.unit.collector.conftest import Collect
from tests.unit.collector.elves import BUILD_ID, CODE_AT, elf
from tests.unit.collector.fakes import FakeProc, Record, named, reasons

LIBZIP = "/opt/java/lib/libzip.so"
MAPS = f"""\
55d000000000-55d000001000 r-xp 00000000 08:01 100 /opt/java/bin/java
7f0000000000-7f0001000000 r-xp 00000000 08:01 101 /opt/java/lib/server/libjvm.so
7f0004000000-7f0004100000 r-xp 00000000 08:01 103 {LIBZIP}
7f0005000000-7f0005100000 r-xp 00000000 08:01 104 /gone/libold.so (deleted)
"""
IN_INFLATE, IN_CPP, IN_JIT = 0x7F0004000110, 0x7F0004000210, 0x7E0000000000
STACK = f"@ 0x{IN_INFLATE:x} 0x{IN_CPP:x} 0x{IN_JIT:x} 0x7f0005000010\n  t*: 1: 100 [0: 0]\n"
PROFILE = f"heap_v2/524288\n  t*: 1: 100 [0: 0]\n{STACK}\nMAPPED_LIBRARIES:\n{MAPS}"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_files, "_SETTLE_SECONDS", 0)


@pytest.fixture
def folder(proc: FakeProc) -> Path:
    """Where a JVM with a libzip of two functions writes its profiles."""
    home = proc.java(7, maps=MAPS)
    library = home / f"root{LIBZIP}"
    library.parent.mkdir(parents=True)
    library.write_bytes(
        elf({"Java_java_util_zip_Inflater_init": (CODE_AT + 0x100, 64), "_ZN3Zip4openEi": (CODE_AT + 0x200, 64)})
    )
    (home / "root/offheap").mkdir()
    return home / "root/offheap"


def write(folder: Path, name: str, text: str = PROFILE, age_seconds: float = 60) -> None:
    (folder / name).write_text(text)
    at = time.time() - age_seconds
    os.utime(folder / name, (at, at))


def sample(collect: Collect, probe: str = "jemalloc", directory: str = "/offheap", **fields: Any) -> list[Record]:
    fields.setdefault("budget", {"target_memory_bytes": 4 << 30, "pause_seconds": 30, "stream_bytes": 8 << 20})
    return collect("sample", attach=False, probes={probe: {"directory": directory}}, **fields)


def sent(records: list[Record]) -> dict[str, bytes]:
    """The blobs by name, put together."""
    found: dict[str, bytes] = {}
    for record in records:
        if record["type"] == "blob":
            found[record["name"]] = found.get(record["name"], b"") + base64.b64decode(record["zdata"])
    return {name: zlib.decompress(data) for name, data in found.items()}


def test_a_profile_leaves_once_and_as_it_is(folder: Path, collect: Collect) -> None:
    write(folder, "jeprof.7.0.i0.heap")
    records = sample(collect)
    blobs = [record for record in records if record["type"] == "blob"]
    assert [(blob["name"], blob["kind"], blob["sample"]) for blob in blobs] == [
        ("jeprof.7.0.i0.heap", "jemalloc-heap", 1)
    ]
    assert sent(records) == {"jeprof.7.0.i0.heap": PROFILE.encode()}


def test_addresses_get_names_from_the_targets_own_libraries(folder: Path, collect: Collect) -> None:
    write(folder, "jeprof.7.0.i0.heap")
    (record,) = named(sample(collect), "jemalloc", "symbols")
    assert record["data"]["symbols"] == {
        f"{IN_INFLATE:x}": "Java_java_util_zip_Inflater_init",
        f"{IN_CPP:x}": "Zip::open",
    }
    assert record["data"]["libraries"] == {LIBZIP: BUILD_ID.hex()}


def test_a_library_is_never_read_outside_the_targets_root(folder: Path, collect: Collect, tmp_path: Path) -> None:
    outside = tmp_path / "outside.so"
    library = folder.parent / LIBZIP[1:]
    library.rename(outside)
    library.symlink_to(outside)
    write(folder, "jeprof.7.0.i0.heap")
    (record,) = named(sample(collect), "jemalloc", "symbols")
    assert record["data"] == {"symbols": {}, "libraries": {}}


@pytest.mark.parametrize(
    ("probe", "name"),
    [
        ("jemalloc", "jeprof.9.0.i0.heap"),
        ("gperftools", "heap_9.0001.heap"),
        ("jemalloc", "jeprof.7.0.i0.txt"),
        ("jemalloc", ".jeprof.7.0.i0.heap"),
    ],
)
def test_files_of_others_stay_where_they_are(folder: Path, collect: Collect, probe: str, name: str) -> None:
    write(folder, name)
    records = sample(collect, probe)
    assert sent(records) == {}
    assert (probe, "NoProfile") in reasons(records)
    assert (folder / name).exists()


@pytest.mark.parametrize("name", ["heap.0001.heap", "heap_7.0001.heap"])
def test_gperftools_names_its_files_in_two_ways(folder: Path, collect: Collect, name: str) -> None:
    write(folder, name)
    assert list(sent(sample(collect, "gperftools"))) == [name]


def test_a_profile_that_is_half_written_waits(folder: Path, collect: Collect) -> None:
    write(folder, "jeprof.7.0.i0.heap", PROFILE.partition("MAPPED")[0])
    write(folder, "jeprof.7.1.i1.heap", PROFILE[:-5])
    assert sent(sample(collect)) == {}


def test_what_was_written_before_this_process_began_is_not_its_own(
    folder: Path, proc: FakeProc, collect: Collect
) -> None:
    write(folder, "jeprof.7.0.i0.heap", age_seconds=3600)
    up_seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    proc.start(7, "java", int((up_seconds - 1800) * os.sysconf("SC_CLK_TCK")))
    assert sent(sample(collect)) == {}


def during(monkeypatch: pytest.MonkeyPatch, instant: int, act: Callable[[], None]) -> None:
    """Do something just before one instant's profiles are looked for."""
    taken, acts = profile_files._files, [act]

    def files(visit: Visit, *rest: Any) -> Any:
        if visit.sample == instant and acts:
            acts.pop()()
        return taken(visit, *rest)

    monkeypatch.setattr(profile_files, "_files", files)


def test_of_many_the_newest_leaves_and_the_older_ones_go(
    folder: Path, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(folder, f"jeprof.7.{number}.i{number}.heap", age_seconds=60 - number)
    during(monkeypatch, 2, lambda: write(folder, "jeprof.7.5.i5.heap", age_seconds=1))
    assert list(sent(sample(collect))) == ["jeprof.7.4.i4.heap", "jeprof.7.5.i5.heap"]
    assert sorted(file.name for file in folder.iterdir()) == ["jeprof.7.4.i4.heap", "jeprof.7.5.i5.heap"]


def test_a_file_that_still_grows_is_not_touched(
    folder: Path, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "jeprof.7.0.i0.heap")
    during(monkeypatch, 1, lambda: write(folder, "jeprof.7.0.i0.heap", PROFILE + MAPS, age_seconds=30))
    records = sample(collect)
    assert [record["sample"] for record in records if record["type"] == "blob"] == [2]
    assert sent(records) == {"jeprof.7.0.i0.heap": (PROFILE + MAPS).encode()}


def test_room_is_kept_for_the_last_profile(folder: Path, collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    large = PROFILE.replace("\nMAPPED", STACK * 8000 + "\nMAPPED")
    write(folder, "jeprof.7.0.i0.heap", large)
    budget = {"target_memory_bytes": 32 << 20, "pause_seconds": 30, "stream_bytes": 256 << 10}
    records = sample(collect, budget=budget)
    assert [record["sample"] for record in records if record["type"] == "blob"] == [2]


def test_a_link_in_the_folder_is_not_followed(folder: Path, collect: Collect, tmp_path: Path) -> None:
    (tmp_path / "outside.heap").write_text(PROFILE)
    (folder / "jeprof.7.0.i0.heap").symlink_to(tmp_path / "outside.heap")
    assert sent(sample(collect)) == {}


def test_a_folder_that_is_not_there_is_said(folder: Path, collect: Collect) -> None:
    assert ("jemalloc", "NoProfileFolder") in reasons(sample(collect, directory="/nowhere"))


def test_without_a_folder_in_the_plan_nothing_is_looked_for(folder: Path, collect: Collect) -> None:
    write(folder, "jeprof.7.0.i0.heap")
    records = collect("sample", attach=False)
    assert sent(records) == {}
    assert not {reason for reason in reasons(records) if reason[0] == "jemalloc"}
