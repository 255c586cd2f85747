"""The native profiler: loaded once, watched, ended and taken out of the target's /tmp, however the collection ends."""

from __future__ import annotations

import base64
import gzip
import shlex
import zlib
from pathlib import Path
from typing import Any

import pytest

from offheap.collector.probes import nativemem
from offheap.evidence.jfr import parse_jfr
from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import MAPS, MOUNTS, FakeJattach, FakeProc, Record, named, reasons

LIBRARY = "/tmp/.offheap-nativemem.so"
MIB = 1 << 20
PLAN: dict[str, Any] = {
    "probes": {"nativemem": {}},
    "budget": {"target_memory_bytes": 1 << 30, "pause_seconds": 30, "stream_bytes": 8 * MIB},
}
"""A budget beyond what the process of the tests has, which counts as the collector here."""
LOADED = "echo 'return code: 0'"
FIXTURE = Path(__file__).parents[2] / "fixtures" / "jfr" / "asprof-4.6-jdk8-deflater.jfr.gz"
RECORDING = gzip.decompress(FIXTURE.read_bytes())
RECORD = f"gunzip -c {FIXTURE} > $recording; {LOADED}"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "libasyncProfiler.so"
    path.write_bytes(b"\x7fELF" + b"\0" * (64 << 10) + b"async-profiler 4.6\0")
    monkeypatch.setattr(nativemem, "LIBRARY", str(path))
    return path


def profiler(jattach: FakeJattach, tmp: Path, at_start: str) -> None:
    """The JVM's part: `at_start` is shell that may use $recording and $log; every command is noted."""
    told = shlex.quote(str(tmp.parent / "told"))
    files = f'recording={tmp.parent}"$(echo "$5" | sed "s/.*,file=//")"; log={tmp}/.offheap-nativemem.log;'
    jattach.behave(**{LIBRARY: f'echo "$5" >> {told}; case "$5" in start*) {files} {at_start} ;; *) {LOADED} ;; esac'})


def told(home: Path) -> list[str]:
    """What the profiler was told, in order."""
    path = home / "root/told"
    return [line.split(",")[0] for line in path.read_text().splitlines()] if path.exists() else []


def blob(records: list[Record]) -> bytes:
    parts = [r["zdata"] for r in records if r["type"] == "blob"]
    return zlib.decompress(b"".join(base64.b64decode(part) for part in parts))


def test_the_recording_leaves_as_it_is(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", f"test -s {home}/root{LIBRARY} && {RECORD}")
    records = collect("sample", **PLAN)
    assert reasons(records) == set()
    assert len(blob(records)) == len(RECORDING)
    assert parse_jfr(blob(records)) == parse_jfr(RECORDING)
    assert b"VM Thread" in RECORDING
    assert b"VM Thread" not in blob(records)
    start, stop = named(records, "nativemem", "start")[0], named(records, "nativemem", "stop")[0]
    assert (start["sample"], stop["sample"]) == (0, 2)
    assert start["data"] | {"added_bytes": 0} == {
        "version": "4.6",
        "interval_bytes": 65536,
        "file": "/tmp/.offheap-nativemem.jfr",
        "added_bytes": 0,
    }
    assert stop["data"] | {"seconds": 0} == {"seconds": 0, "size_bytes": len(RECORDING), "stopped": "Planned"}
    assert told(home) == ["start", "stop"]
    assert list((home / "root/tmp").iterdir()) == []


def test_it_keeps_to_itself_what_the_command_line_says_and_ends_by_its_own_clock(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", LOADED)
    collect("sample", **PLAN | {"probes": {"nativemem": {"interval_bytes": 4096}}})
    words = (home / "root/told").read_text().splitlines()[0].split(",")
    assert {"nativemem=4096", "jfr", "jfropts=31", "timeout=90"} < set(words)


def test_it_comes_before_what_measures_the_memory(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", LOADED)
    records = collect("sample", **PLAN | {"probes": {"nativemem": {}, "smaps": {}}})
    order = [r["name"] for r in records if r.get("sample") == 0]
    assert order.index("start") < order.index("rollup")


def test_it_is_not_loaded_unless_it_is_asked_for(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    collect("sample")
    assert LIBRARY not in jattach.calls


def test_a_recording_that_grows_too_fast_is_ended_early(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nativemem, "_MOST_BYTES", 40 << 10)
    monkeypatch.setattr(nativemem, "_LEAST_BYTES", 1)
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", RECORD)
    records = collect("sample", **PLAN)
    assert named(records, "nativemem", "stop")[0]["data"]["stopped"] == "SizeLimit"
    assert told(home) == ["start", "stop"]
    assert len(blob(records)) == len(RECORDING)


def test_where_tmp_is_memory_less_is_recorded(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nativemem, "_MOST_IN_MEMORY_BYTES", 40 << 10)
    monkeypatch.setattr(nativemem, "_LEAST_BYTES", 1)
    home = proc.java(7, mounts=MOUNTS + "102 100 0:52 / /tmp rw,nosuid - tmpfs tmpfs rw\n")
    profiler(jattach, home / "root/tmp", RECORD)
    records = collect("sample", **PLAN)
    assert named(records, "nativemem", "stop")[0]["data"]["stopped"] == "SizeLimit"


def test_a_profiler_that_refuses_is_quoted(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", "echo '[ERROR] no such thing' > $log; echo 'return code: 200'; exit 200")
    records = collect("sample", **PLAN)
    assert reasons(records) == {("nativemem", "ProfilerNotStarted")}
    assert "no such thing" in next(r["message"] for r in records if r["type"] == "skipped")
    assert "stop" not in told(home)
    assert list((home / "root/tmp").iterdir()) == []


def test_a_killed_collectors_recording_is_ended_and_its_library_used_again(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    mapped = MAPS + f"7f0004000000-7f0004100000 r-xp 00000000 08:01 103 /var/lib/other{LIBRARY} (deleted)\n"
    home = proc.java(7, maps=mapped)
    (home / "root/tmp/.offheap-nativemem.jfr").write_text("left")
    profiler(jattach, home / "root/tmp", f"test ! -e {home}/root{LIBRARY} && {RECORD}")
    records = collect("sample", **PLAN)
    assert told(home) == ["stop", "start", "stop"]
    assert parse_jfr(blob(records)) == parse_jfr(RECORDING)
    assert list((home / "root/tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("/tmp/libasyncProfiler-linux-x64-17b9a1d8.so", "ProfilerPresent"),
        ("/tmp/dd/libjavaProfiler123.so", "ProfilerPresent"),
        ("/usr/lib/libtcmalloc.so.4", "AllocatorUnsupported"),
        ("/usr/lib/libmimalloc.so.2", "AllocatorUnsupported"),
        ("/lib/ld-musl-x86_64.so.1", "LibcUnsupported"),
    ],
)
def test_it_is_refused_where_it_is_known_to_harm(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, more: str, reason: str
) -> None:
    proc.java(7, maps=MAPS + f"7f0004000000-7f0004100000 r-xp 00000000 08:01 103 {more}\n")
    records = collect("sample", **PLAN)
    assert reasons(records) == {("nativemem", reason)}
    assert LIBRARY not in jattach.calls


def test_it_is_refused_where_the_memory_is_not_there(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    proc.charge(7, usage=250 * MIB, limit=256 * MIB)
    records = collect("sample", **PLAN)
    assert reasons(records) == {("nativemem", "HeadroomTooSmall")}
    assert LIBRARY not in jattach.calls


def test_a_recording_that_is_not_finished_is_not_sent(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", f"head -c 100 {FIXTURE} > $recording; {LOADED}")
    records = collect("sample", **PLAN)
    assert reasons(records) == {("nativemem", "ProbeFailed")}
    assert not [r for r in records if r["type"] == "blob"]


def test_a_collection_that_is_cut_short_ends_the_recording(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    home = proc.java(7)
    profiler(jattach, home / "root/tmp", LOADED)
    records = collect("sample", **PLAN | {"deadline_seconds": 20, "duration_seconds": 30})
    assert records[-1]["outcome"] == "DeadlineExceeded"
    assert told(home) == ["start", "stop"]


def test_a_target_that_has_gone_is_not_told_to_stop(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    anew = (home / "stat").read_text().replace(" 1000 ", " 2000 ")
    profiler(jattach, home / "root/tmp", f"{LOADED}; printf %s {shlex.quote(anew)} > {home}/stat")
    records = collect("sample", **PLAN)
    assert records[-1]["outcome"] == "TargetChanged"
    assert told(home) == ["start"]
