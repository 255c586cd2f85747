"""A change that stops the growth shows what it was, one that does not acquits it, and chance does neither."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.words import Stage
from offheap.diagnosis import Confidence, Outcome, VerdictKind, compare, diagnose, diagnose_with
from offheap.diagnosis.trials import CHANGES
from offheap.evidence.bundle import Evidence, Sample
from tests.unit.diagnosis.samples import b, jvm, sample
from tests.unit.diagnosis.test_native_kinds import jemalloc_profiles, returned

RETENTION = ("ArenaMax", "TrimNativeHeap", "Jemalloc", "Tcmalloc")


def run(mib_a_sample: float, count: int = 24) -> Evidence:
    return evidence(lambda index: sample(index, arenas=8 + mib_a_sample * index), count)


def evidence(make: Callable[[int], Sample], count: int = 24) -> Evidence:
    return Evidence(jvm=jvm(), limit_bytes=b(1024), samples=tuple(make(index) for index in range(count)))


def test_the_trials_are_those_of_the_api() -> None:
    assert set(CHANGES) == set(get_args(Stage)) - {"Baseline"}


@pytest.mark.parametrize("name", CHANGES)
def test_growth_that_stops_shows_the_kind(name: str) -> None:
    found = compare(run(2), run(0.01), name)
    assert (found.kind, found.outcome, found.confidence) == (CHANGES[name].kind, Outcome.FAIL, Confidence.HIGH)
    assert found.message.startswith(f"With {CHANGES[name].words}, growth went from 480 MiB an hour (")
    assert found.growth_bytes_per_hour == pytest.approx(b(1.99) * 240, rel=0.01)
    assert found.recommendation


@pytest.mark.parametrize("name", CHANGES)
def test_growth_that_stays_acquits(name: str) -> None:
    found = compare(run(2), run(1.9), name)
    assert (found.kind, found.outcome) == (CHANGES[name].kind, Outcome.PASS)


@pytest.mark.parametrize(
    ("baseline", "trial"), [(run(0), run(0)), (run(0), run(2)), (run(2), run(0, count=4)), (run(2), Evidence())]
)
def test_what_cannot_be_compared_says_nothing(baseline: Evidence, trial: Evidence) -> None:
    found = compare(baseline, trial, "ArenaMax")
    assert (found.outcome, found.confidence, found.growth_bytes_per_hour) == (Outcome.WARN, Confidence.LOW, None)


def test_half_the_growth_is_open() -> None:
    found = compare(run(2), run(1.1), "ArenaMax")
    assert found.outcome is Outcome.WARN
    assert "55 % of it" in found.message


def test_an_unknown_change_says_nothing() -> None:
    assert compare(run(2), run(0), "Prayer").outcome is Outcome.WARN


@given(st.integers(0, 1 << 20))
def test_noise_shows_nothing(seed: int) -> None:
    """Two runs without a leak, each shaken by less than the floor."""
    noise = random.Random(seed)
    shaken = [evidence(lambda index: sample(index, arenas=8 + noise.uniform(0, 1.5))) for _ in range(2)]
    assert compare(shaken[0], shaken[1], "ArenaMax").outcome is Outcome.WARN


@pytest.mark.parametrize("name", RETENTION)
def test_the_verdict_without_trials_is_native_and_a_trial_makes_it_retention(name: str) -> None:
    assert diagnose(run(2)).verdict.kind is VerdictKind.NATIVE_MALLOC
    found = diagnose_with(run(2), [(name, run(0.01))])
    assert (found.verdict.kind, found.verdict.owner) == (VerdictKind.GLIBC_RETENTION, "glibc malloc")
    assert found.verdict.seconds_to_limit is not None
    blamed = next(finding for finding in found.findings if finding.kind is VerdictKind.NATIVE_MALLOC)
    assert blamed.outcome is Outcome.WARN
    assert "But with" in blamed.message


@pytest.mark.parametrize("name", RETENTION)
def test_a_trial_that_changes_nothing_leaves_the_verdict(name: str) -> None:
    found = diagnose_with(run(2), [(name, run(2))])
    assert found.verdict.kind is VerdictKind.NATIVE_MALLOC
    assert any(finding.outcome is Outcome.PASS for finding in found.findings)


def test_a_bound_of_direct_memory_confirms_direct_buffers() -> None:
    leak = evidence(lambda index: sample(index, nmt={"Other": 2 * index}))
    bounded = evidence(lambda index: sample(index, nmt={"Other": min(8, 2 * index)}))
    found = diagnose_with(leak, [("MaxDirectMemorySize", bounded)])
    assert found.verdict.kind is VerdictKind.DIRECT_BUFFERS
    assert [finding.outcome for finding in found.findings[:2]] == [Outcome.FAIL, Outcome.FAIL]


def test_the_profile_of_another_allocators_run_names_the_owner() -> None:
    trial = run(2)
    profiled = Evidence(jvm=jvm(allocator="jemalloc"), samples=trial.samples, **jemalloc_profiles())
    found = diagnose_with(run(2), [("Jemalloc", profiled)]).verdict
    assert (found.kind, found.owner) == (VerdictKind.NATIVE_MALLOC, "java.util.zip.Inflater.inflateBytesBytes")
    assert "In the run with Jemalloc" in found.summary


def test_no_trials_change_nothing() -> None:
    assert diagnose_with(run(2), []) == diagnose(run(2))
    assert diagnose_with(Evidence(), [("ArenaMax", run(2))]) == diagnose(Evidence())


def test_a_trial_that_acquits_puts_a_doubt_on_the_kind_but_fewer_arenas_do_not() -> None:
    """Measured: with 24 threads that leave holes of ever larger blocks, MALLOC_ARENA_MAX=2 leaves 82 % of the growth, and a
    trim returns it all the same."""

    def make(index: int) -> Sample:
        return replace(sample(index, arenas=8 + 2 * index), trim=returned(50) if index == 23 else None)

    retention = evidence(make)
    assert diagnose_with(retention, [("ArenaMax", run(1.64))]).verdict.confidence is Confidence.HIGH
    doubted = diagnose_with(retention, [("Jemalloc", run(2))]).verdict
    assert (doubted.kind, doubted.confidence) == (VerdictKind.GLIBC_RETENTION, Confidence.MEDIUM)
