"""Real runs with profiles, pools, malloc's books, content and experiments: the kind, and who it is.

The lab's programs take 60 MiB a minute, sampled every 5 s for 75 s. There was no container, so there is no limit.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from offheap.diagnosis import Confidence, Outcome, VerdictKind, diagnose, diagnose_with
from offheap.evidence.bundle import Evidence, bundle
from offheap.evidence.mappings import MappingClass
from offheap.evidence.regions import growing_regions
from offheap.evidence.stream import read_stream

RUNS = Path(__file__).parents[2] / "fixtures" / "runs"
MIB = 1 << 20


class Answer(NamedTuple):
    kind: VerdictKind
    owner: str | None
    confidence: Confidence = Confidence.HIGH


KNOWN = {
    "inflaterprofiled-17": Answer(VerdictKind.NATIVE_MALLOC, "offheap.lab.Inflaters.unpack"),
    "jnimalloc-25": Answer(VerdictKind.NATIVE_MALLOC, "offheap.lab.NativeMalloc.decodeImage"),
    "jnimmap-25": Answer(VerdictKind.NATIVE_MMAP, None),
    "directpools-17": Answer(VerdictKind.DIRECT_BUFFERS, "offheap.lab.Direct.step"),
    "sessioncache-25": Answer(VerdictKind.UNSAFE_MEMORY, "offheap.lab.SunUnsafe.allocate"),
    "fragmentation-17": Answer(VerdictKind.GLIBC_RETENTION, "glibc malloc"),
    "fragmentation-25": Answer(VerdictKind.GLIBC_RETENTION, "glibc malloc"),
    "awaitinggc-25": Answer(VerdictKind.AWAITING_GC, None),
    # JDK 17 has no System.native_heap_info, and no profile was taken: what the trim returned may have been free before.
    "awaitinggc-17": Answer(VerdictKind.GLIBC_RETENTION, "glibc malloc", Confidence.MEDIUM),
}


@cache
def run(name: str) -> Evidence:
    return bundle([read_stream((RUNS / f"{name}.ndjson").read_text().splitlines())])


@pytest.mark.parametrize(("name", "answer"), KNOWN.items())
def test_kind_owner_and_confidence(name: str, answer: Answer) -> None:
    diagnosis = diagnose(run(name))
    assert Answer(diagnosis.verdict.kind, diagnosis.verdict.owner, diagnosis.verdict.confidence) == answer
    assert [finding.kind for finding in diagnosis.findings if finding.outcome is Outcome.FAIL] == [answer.kind]


@pytest.mark.parametrize("name", KNOWN)
def test_rate_and_readable(name: str) -> None:
    rate = diagnose(run(name)).verdict.growth_bytes_per_hour
    assert rate is not None
    assert rate / 60 / MIB == pytest.approx(60, rel=0.15)
    assert run(name).unreadable == ()


def test_the_java_method_that_allocates_is_told() -> None:
    summary = diagnose(run("inflaterprofiled-17")).verdict.summary
    assert "asked for by java.util.zip.Inflater.inflateBytesBytes" in summary
    assert "called by offheap.lab.Inflaters.unpack" in summary
    assert "native image_decode" in diagnose(run("jnimalloc-25")).verdict.summary


def test_content_names_the_class_whose_data_it_is() -> None:
    [look] = run("sessioncache-25").samples[-1].contents
    assert look.owner == "com.acme.ImageCache"


@pytest.mark.parametrize(
    ("name", "kind"), [("jnimmap-25", MappingClass.OTHER_ANON), ("jnimalloc-25", MappingClass.ARENAS)]
)
def test_the_growing_regions_hold_the_leak(name: str, kind: MappingClass) -> None:
    regions = growing_regions(run(name).readings, run(name).own_ranges)
    assert regions[0].kind is kind
    assert sum(region.grown_bytes for region in regions[:2]) > 60 * MIB
    assert regions[0].growth_bytes_per_second * 60 / MIB == pytest.approx(50, rel=0.25)


def test_a_run_with_jemalloc_names_native_frame_and_java_owner_and_acquits_glibc() -> None:
    alone = diagnose(run("inflaterjemalloc-17")).verdict
    assert (alone.kind, alone.owner) == (VerdictKind.NATIVE_MALLOC, "java.util.zip.Inflater.inflateBytesBytes")
    assert "(native libz.so" in alone.summary
    untouched = replace(run("inflaterprofiled-17"), native_stacks=None, native_seconds=None)
    found = diagnose_with(untouched, [("Jemalloc", run("inflaterjemalloc-17"))])
    assert (found.verdict.kind, found.verdict.owner) == (alone.kind, alone.owner)
    acquitted = next(finding for finding in found.findings if finding.kind is VerdictKind.GLIBC_RETENTION)
    assert acquitted.outcome is Outcome.PASS


def test_fewer_arenas_did_not_help_this_program_and_the_trim_still_tells() -> None:
    found = diagnose_with(run("fragmentation-17"), [("ArenaMax", run("fragmentationarenamax-17"))])
    assert (found.verdict.kind, found.verdict.confidence) == (VerdictKind.GLIBC_RETENTION, Confidence.HIGH)
    assert [finding.outcome for finding in found.findings] == [Outcome.FAIL, Outcome.PASS]
