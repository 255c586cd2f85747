"""What a person collects of a JVM gives the verdict that the collector's stream of the same run gives."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offheap.diagnosis import VerdictKind as Kind
from offheap.diagnosis import diagnose
from offheap.evidence.bundle import bundle
from offheap.offline.analysis import analyze
from offheap.offline.pieces import Clock, Source
from tests.unit.offline.hand import RUNS, by_hand, stream

SAME = [
    "classloaders-17",
    "direct-17",
    "direct-25",
    "fragmentation-17",
    "fragmentation-25",
    "healthy-g1-17",
    "healthynonmt-17",
    "inflater-17",
    "inflaterjemalloc-17",
    "jnimalloc-25",
    "jnimmap-25",
    "slowcl-25",
    "slowthreads-25",
    "threads-17",
    "threadsnonmt-17",
    "unsafe-25",
]
LEAKS = [run for run in SAME if not run.startswith("healthy")]


@pytest.mark.parametrize("run", SAME)
@pytest.mark.parametrize("timed", [True, False])
def test_files_give_the_verdict_of_the_stream(run: str, timed: bool) -> None:
    told = diagnose(bundle([stream(run)])).verdict
    found = analyze(by_hand(run, timed=timed)).diagnosis.verdict
    assert found.kind == told.kind
    if timed and told.growth_bytes_per_hour:
        assert found.growth_bytes_per_hour == pytest.approx(told.growth_bytes_per_hour, rel=0.25)


def test_the_cgroups_files_give_limit_and_usage() -> None:
    told, found = diagnose(bundle([stream("direct-17")])).balance, analyze(by_hand("direct-17")).diagnosis.balance
    assert told is not None
    assert found is not None
    assert (found.limit_bytes, found.usage_bytes) == (told.limit_bytes, told.usage_bytes)


def test_the_streams_own_file_is_read_as_it_is() -> None:
    found = analyze([Source("log", (RUNS / "direct-17.ndjson").read_bytes())])
    assert found.diagnosis == diagnose(bundle([stream("direct-17")]))


@pytest.mark.parametrize("run", LEAKS)
@pytest.mark.parametrize("without", [("smaps",), ("heap",), ("nmt",), ("status",), ("smaps", "heap"), ("nmt", "heap")])
def test_a_missing_kind_of_text_neither_acquits_nor_accuses_another(run: str, without: tuple[str, ...]) -> None:
    told = diagnose(bundle([stream(run)])).verdict.kind
    assert analyze(by_hand(run, without=without)).diagnosis.verdict.kind in (told, Kind.INCONCLUSIVE)


@pytest.mark.parametrize(
    "run", ["busy-17", "busy-25", "healthy-g1-17", "healthy-g1-25", "healthy-serial-25", "healthylong-17"]
)
@pytest.mark.parametrize(
    "without", [(), ("smaps",), ("heap",), ("nmt",), ("status",), ("smaps", "heap"), ("nmt", "heap")]
)
def test_a_missing_kind_of_text_never_accuses(run: str, without: tuple[str, ...]) -> None:
    assert analyze(by_hand(run, without=without)).diagnosis.verdict.kind in (Kind.NO_LEAK, Kind.INCONCLUSIVE)


def test_without_times_nothing_is_told_of_rates() -> None:
    found = analyze(by_hand("direct-17", timed=False))
    assert found.diagnosis.verdict.kind is Kind.DIRECT_BUFFERS
    assert found.diagnosis.verdict.growth_bytes_per_hour is None
    assert found.diagnosis.verdict.seconds_to_limit is None
    told = [found.diagnosis.verdict.summary, *(finding.message for finding in found.diagnosis.findings)]
    assert not any("an hour" in text or "is reached in" in text for text in told)
    assert any("only their order" in note for note in found.notes)


def test_modification_times_are_times_where_they_can_be() -> None:
    sources = [
        replace(source, name=f"{index:04}-text", modified_at=float(source.name.split("-")[1].split(".")[0]))
        for index, source in enumerate(by_hand("direct-17", without=["cgroup", "trim"]))
    ]
    found = analyze(sources)
    assert found.diagnosis.verdict.kind is Kind.DIRECT_BUFFERS
    assert found.diagnosis.verdict.growth_bytes_per_hour is not None
    assert {each.clock for each in found.read} == {Clock.MTIME}


def test_one_file_with_lines_of_date_is_a_series() -> None:
    texts: dict[str, list[str]] = {}
    for source in by_hand("direct-17", without=["cgroup", "trim"]):
        texts.setdefault(source.name.split("-")[1].split(".")[0], []).append(source.data.decode())
    parts = []
    for stamp, each in texts.items():
        seconds = int(stamp) % 86400
        when = f"=== 2026-11-24T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z ==="
        parts += [f"{when}\n{text}" for text in each]
    found = analyze([Source("everything.log", "\n".join(parts).encode())])
    assert found.diagnosis.verdict.kind is Kind.DIRECT_BUFFERS
    told = diagnose(bundle([stream("direct-17")])).verdict
    assert found.diagnosis.verdict.growth_bytes_per_hour == pytest.approx(told.growth_bytes_per_hour, rel=0.25)


def test_two_processes_are_two_runs() -> None:
    first = by_hand("threads-17")
    found = analyze([*first, *by_hand("threads-25")])
    assert found.diagnosis.verdict.kind is Kind.THREADS


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    run=st.sampled_from(["threads-17", "inflater-17", "healthy-g1-17"]),
    timed=st.booleans(),
)
def test_any_mix_in_any_order_gives_the_same(seed: int, run: str, timed: bool) -> None:
    """A random part of the files, shuffled."""
    chance = random.Random(seed)
    sources = [source for source in by_hand(run, timed=timed) if chance.random() < 0.7]
    shuffled = chance.sample(sources, len(sources))
    assert analyze(sources) == analyze(shuffled)


def test_a_file_given_twice_tells_nothing_new() -> None:
    sources = by_hand("healthy-g1-17")
    doubled = [*sources, *(replace(source, name=f"copy-of-{source.name}") for source in sources)]
    assert analyze(doubled).diagnosis.verdict.kind == analyze(sources).diagnosis.verdict.kind
