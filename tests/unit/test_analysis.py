"""What is made of all that the collectors of an investigation said: by stage, with the files to keep."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from offheap.analysis import Spoken, draw, gather_all, raw, stream_name, told, unpacked, weigh
from offheap.api.v1alpha1 import CollectorStatus, StageStatus, Status
from offheap.api.words import CollectorStep, Stage
from offheap.artifacts.store import Kept, Saved
from offheap.collector.stream import Stream as Writer
from offheap.investigation.problems import Problem
from offheap.investigation.size import fitted

MIB = 1 << 20


def collector(name: str, step: CollectorStep, stage: Stage | None, pod: str) -> CollectorStatus:
    return CollectorStatus(
        name=name, step=step, stage=stage, pod=pod, pod_uid=f"uid-{pod}", container="app", state="Done"
    )


def smaps(arena_kib: int) -> str:
    return (
        f"7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \nSize: 65536 kB\nRss: {arena_kib} kB\nPss: {arena_kib} kB\n"
        f"Anonymous: {arena_kib} kB\nVmFlags: rd wr mr mw me ac \n"
    )


def lines(path: Any, samples: Sequence[int], *, end: bool = True) -> tuple[str, ...]:
    """A sampler's stream with an arena that has so many KiB at each sample."""
    with path.open("wb") as file:
        stream = Writer(file.fileno(), 1 << 20)
        stream.hello(1, "sample")
        identity = {"pid": 7, "start_time_ticks": 100}
        stream.evidence("process", "identity", identity, sample=None)
        for at, size in enumerate(samples):
            time.sleep(0.005)  # the readings are told apart by their time, in milliseconds
            usage = {"memory.usage_in_bytes": str((size << 10) + 8 * MIB), "memory.stat": f"total_rss {size << 10}\n"}
            stream.evidence("cgroup", "memory", {"version": 1, "files": usage}, sample=at)
            stream.evidence("smaps", "smaps", smaps(size), sample=at)
        if end:
            stream.end("Completed", "", {"peak_pss_bytes": 9 * MIB})
    return tuple(path.read_text().splitlines())


@pytest.fixture
def spoken(tmp_path: Any) -> list[Spoken]:
    return [
        Spoken(collector("a", "Identify", None, "orders-1"), lines(tmp_path / "a", ())),
        Spoken(collector("b", "Sample", "Baseline", "orders-1"), lines(tmp_path / "b", [1000, 9000, 17000])),
        Spoken(collector("c", "Sample", "ArenaMax", "orders-2"), lines(tmp_path / "c", [1000, 1100], end=False)),
    ]


async def test_the_first_stage_is_what_the_verdict_is_about_and_the_others_stand_beside_it(
    spoken: list[Spoken],
) -> None:
    weighed = weigh(spoken, (StageStatus(name="Baseline", state="Done"), StageStatus(name="ArenaMax", state="Done")))
    assert len(weighed.evidence.samples) == 3
    assert [(name, len(evidence.samples)) for name, evidence in weighed.staged] == [("ArenaMax", 2)]
    assert [probe.name for probe in weighed.probes][-1] == "trial"
    assert {"smaps", "pmap", "cgroup"} <= {probe.name for probe in weighed.probes}
    names = [file.name for file in await draw(weighed)]
    assert names == ["pmap/growing-regions.txt", "pmap/growing-regions-ArenaMax.txt"]
    kept = [file.name for file in weighed.gathered.files]
    assert {stream_name(one.collector) for one in spoken} <= set(kept)
    statements = {note.collector: note.statement for note in weighed.gathered.streams}
    assert statements["b"].startswith("Whole")
    assert "has no end" in statements["c"]


def test_the_file_of_a_stage_is_found_again_and_read_as_it_was_written(spoken: list[Spoken]) -> None:
    (file,) = raw(spoken[1]).files
    assert file.name == stream_name(spoken[1].collector)
    assert unpacked(file.data) == spoken[1].lines


def test_a_pod_that_keeps_its_name_from_stage_to_stage_has_a_file_for_each(spoken: list[Spoken]) -> None:
    again = [replace(one, collector=one.collector.model_copy(update={"pod": "orders-0"})) for one in spoken]
    files = [file for one in again for file in raw(one).files]
    assert [file.name for file in files] == [stream_name(one.collector) for one in again]
    assert len({file.name for file in files}) == 3
    assert {file.name for file in files} <= {file.name for file in weigh(again, ()).gathered.files}


@pytest.mark.parametrize("data", [None, b"", b"no gzip", gzip.compress(b"x", mtime=0)[:-3]])
def test_a_file_that_is_not_there_or_not_whole_is_nothing(data: bytes | None) -> None:
    assert unpacked(data) == ()


def test_nothing_said_is_weighed_all_the_same() -> None:
    weighed = weigh([], ())
    assert weighed.diagnosis.verdict.kind == "Inconclusive"
    assert weighed.probes == ()
    odd = [Spoken(collector("a", "Sample", "Baseline", "p"), ("not json", json.dumps({"seq": 0, "type": "x"})))]
    assert weigh(odd, ()).diagnosis.verdict.kind == "Inconclusive"
    assert len(gather_all(odd).files) == 1


def test_the_status_shows_as_many_files_as_it_has_room_for() -> None:
    saved = tuple(Saved(f"f{n}", "text", f"file:///a/f{n}", n, "ab") for n in range(100))
    shown, left_out, problem = told(Kept(saved=saved, problem=Problem("ArtifactStoreFull", "full")))
    assert (len(shown), left_out) == (40, 60)
    assert problem is not None


def test_what_no_collector_would_say_is_weighed_and_saved_all_the_same() -> None:
    cost = {"peak_pss_bytes": 10**40, "pause_seconds": 1e300}
    record = {
        "seq": 0,
        "type": "evidence",
        "at": 1,
        "probe": "gdb",
        "name": "content",
        "sample": 0,
        "data": {},
        "cost": cost,
    }
    skip = {"seq": 1, "type": "skipped", "probe": "perf", "reason": "X", "message": "\ud800"}
    said = Spoken(collector("b", "Sample", "Baseline", "orders-1"), (json.dumps(record), json.dumps(skip)))
    weighed = weigh([said], ())
    assert {probe.name for probe in weighed.probes} == {"gdb", "perf"}
    assert fitted(Status(probes=weighed.probes)).probes == weighed.probes
