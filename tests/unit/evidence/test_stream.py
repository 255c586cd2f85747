"""The collector's stream survives what logs do to it, and its bundle names what it could not read."""

from __future__ import annotations

import base64
import json
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.bundle import bundle
from offheap.evidence.mappings import MappingClass
from offheap.evidence.nmt_report import NmtAnswer
from offheap.evidence.stream import read_stream

RUNS = Path(__file__).parents[2] / "fixtures" / "runs"


def record(seq: int, kind: str = "evidence", **members: Any) -> str:
    return json.dumps({"seq": seq, "type": kind, "at": 100.0 + seq, "elapsed": float(seq), **members})


def zipped(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def test_records_are_sorted_and_duplicates_and_gaps_are_told() -> None:
    stream = read_stream(
        [
            record(0, "hello", version=1, step="sample", pid=3, uid=1, gid=1),
            record(5, "skipped", probe="nmt", reason="NotEnabled", message="set -XX:NativeMemoryTracking=summary"),
            record(2, probe="process", name="status", data="Name: java"),
            record(2, probe="process", name="status", data="again"),
            "not json",
            '{"seq": 3}',
            '{"seq": -1, "type": "evidence"}',
            "",
            record(8, "end", outcome="Completed", message="", cost={"peak_pss_bytes": 9, "cpu_seconds": 0.5}),
        ]
    )
    assert stream.hello is not None
    assert stream.hello.step == "sample"
    assert [item.data for item in stream.evidence] == ["Name: java"]
    assert stream.gaps == ((1, 1), (3, 4), (6, 7))
    assert stream.bad_lines == 3
    assert stream.skipped[0].reason == "NotEnabled"
    assert stream.end is not None
    assert stream.end.peak_pss_bytes == 9
    assert stream.last_seq == 8


def test_zipped_texts_and_broken_ones() -> None:
    lines = [
        record(0, probe="nmt", name="summary", sample=0, zdata=zipped("grüße")),
        record(1, probe="nmt", name="summary", sample=0, zdata="%%%"),
        record(2, probe="nmt", name="summary", sample=0, zdata=zipped("x")[:-6]),
        record(3, probe="nmt", name="summary", sample=0, zdata=zipped("\0" * (17 << 20))),
    ]
    stream = read_stream(lines)
    assert [item.data for item in stream.evidence] == ["grüße"]
    assert stream.bad_lines == 3


def test_what_inflates_to_more_than_all_may_is_left_out() -> None:
    lines = [record(n, probe="nmt", name="summary", sample=n, zdata=zipped("a" * (4 << 20))) for n in range(8)]
    stream = read_stream(
        [*lines, record(8, probe="nmt", name="summary", sample=8, zdata=zipped("b"))], most_bytes=9 << 20
    )
    assert [item.sample for item in stream.evidence] == [0, 1, 8]
    assert stream.bad_lines == 6
    assert read_stream(lines, most_bytes=8 << 20).bad_lines == 6


def test_a_real_run_becomes_samples() -> None:
    evidence = bundle([read_stream((RUNS / "threads-17.ndjson").read_text().splitlines())])
    assert evidence.unreadable == ()
    assert evidence.gaps == ()
    assert evidence.limit_bytes == 384 << 20
    assert len(evidence.samples) == 16
    first, last = evidence.samples[0], evidence.samples[-1]
    assert first.nmt_answer is NmtAnswer.BASELINE_TAKEN
    assert first.nmt is not None
    assert last.nmt is not None
    assert last.nmt.threads is not None
    assert first.nmt.threads is not None
    assert last.nmt.threads > first.nmt.threads
    assert first.totals is not None
    assert first.totals.of(MappingClass.HEAP).size_bytes == 64 << 20
    assert last.mappings
    assert not evidence.samples[7].mappings
    assert last.source("nmt/") == "nmt/summary.diff@15"


def test_an_unreadable_text_costs_only_itself() -> None:
    stream = read_stream(
        [
            record(0, probe="process", name="identity", data={"pid": "seven"}),
            record(1, probe="process", name="status", sample=0, data="Name:\tjava\nThreads:\t4\nVmRSS:\t8 kB\n"),
            record(2, probe="smaps", name="smaps", sample=0, data="what"),
            record(3, probe="cgroup", name="memory", sample=0, data={"version": 2, "files": {"memory.current": "x"}}),
            record(4, probe="nmt", name="summary", sample=0, data=7),
            record(5, probe="future", name="thing", sample=0, data={"a": 1}),
        ]
    )
    evidence = bundle([stream])
    assert [item.source for item in evidence.unreadable] == [
        "process/identity",
        "smaps/smaps@0",
        "cgroup/memory@0",
        "nmt/summary@0",
    ]
    assert evidence.samples[0].status is not None
    assert evidence.samples[0].status.rss_bytes == 8192


def test_several_streams_join_in_any_order() -> None:
    streams = [read_stream((RUNS / f"{name}.ndjson").read_text().splitlines()) for name in ("direct-17", "threads-17")]
    joined, reversed_ = bundle(streams), bundle(streams[::-1])
    assert joined.samples == reversed_.samples
    assert len({sample.incarnation for sample in joined.samples}) == 2


@given(st.lists(st.text(max_size=200), max_size=20))
def test_random_lines_never_raise(lines: list[str]) -> None:
    bundle([read_stream(lines)])


RUN = (RUNS / "direct-17.ndjson").read_text().splitlines()[:14]


@given(st.data())
def test_mutated_records_never_raise(data: st.DataObject) -> None:
    lines = list(RUN)
    index = data.draw(st.integers(0, len(lines) - 1))
    changed = json.loads(lines[index])
    member = data.draw(st.sampled_from(sorted(changed)))
    changed[member] = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just({"files": 1}))
    lines[index] = json.dumps(changed)
    bundle([read_stream(lines)])


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_lines_give_the_same(seed: int) -> None:
    lines = (RUNS / "healthy-g1-17.ndjson").read_text().splitlines()
    shuffled = list(lines)
    random.Random(seed).shuffle(shuffled)
    assert bundle([read_stream(shuffled)]) == bundle([read_stream(lines)])


def test_deep_nesting_and_huge_numbers_are_bad_lines() -> None:
    stream = read_stream(["[" * 100_000, '{"seq": ' + "9" * 5000 + "}", '{"seq": 1e999, "type": "end"}'])
    assert stream.bad_lines == 3


def test_what_each_probe_sent_is_counted_once() -> None:
    line = '{"seq":1,"type":"evidence","probe":"smaps","name":"smaps","data":"x"}'
    skip = '{"seq":2,"type":"skipped","probe":"nmt","reason":"NmtOff","message":""}'
    assert read_stream([line, line, skip, "no json"]).sent == (("nmt", len(skip) + 1), ("smaps", len(line) + 1))
