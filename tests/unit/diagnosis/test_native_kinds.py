"""What grows outside NMT's sight is told apart by profiles, malloc's books, places and experiments, real ones where there are."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offheap.diagnosis import Confidence, Finding, Outcome, Verdict, VerdictKind, diagnose
from offheap.evidence.bundle import Evidence, Sample, TakenProfile
from offheap.evidence.content import parse_content
from offheap.evidence.experiment import Experiment
from offheap.evidence.jemalloc_heap import parse_jemalloc_heap
from offheap.evidence.jfr import parse_jfr
from offheap.evidence.malloc_info import MallocArena, MallocInfo, parse_malloc_info
from offheap.evidence.native_stacks import NativeStack, parse_native_stacks
from offheap.evidence.trim import Trim, parse_trim
from tests.unit.diagnosis.samples import b, jvm, sample

FIXTURES = Path(__file__).parents[2] / "fixtures"
COUNT = 24
GROWN = 2.0 * (COUNT - 1)
"""MiB from the first sample to the last, of which the measure after warm-up sees two thirds."""


def in_arenas(index: int) -> Sample:
    return sample(index, arenas=8 + 2 * index)


def mapped(index: int) -> Sample:
    return sample(index, arenas=8, mmap=2 * index)


def without_nmt(make: Callable[[int], Sample]) -> Callable[[int], Sample]:
    return lambda index: replace(make(index), nmt=None)


def evidence(
    make: Callable[[int], Sample], last: Callable[[Sample], Sample] = lambda each: each, **members: Any
) -> Evidence:
    """`last` adds to the last sample what is read once only; members are the evidence's."""
    samples = [make(index) for index in range(COUNT)]
    samples[-1] = last(samples[-1])
    found = Evidence(jvm=jvm(allocator="glibc"), limit_bytes=b(1024), samples=tuple(samples))
    return replace(found, **members)


def verdict(found: Evidence) -> Verdict:
    return diagnose(found).verdict


def books(system: float, free: float, mmap: float = 0) -> MallocInfo:
    return MallocInfo((), MallocArena(None, rest_bytes=b(free), system_bytes=b(system), mmap_bytes=b(mmap)))


def measured_books(name: str) -> MallocInfo:
    return parse_malloc_info((FIXTURES / "malloc" / f"mallocinfo-{name}.txt").read_text())


def measured_trim(name: str) -> Experiment:
    trim = parse_trim((FIXTURES / "malloc" / f"trim-{name}.txt").read_text())
    assert isinstance(trim, Trim)
    return Experiment(trim.before_bytes, trim.after_bytes, trim.before_bytes, trim.before_bytes + trim.change_bytes)


def returned(mebibytes: float) -> Experiment:
    return Experiment(b(500), b(500 - mebibytes), b(400), b(400 - mebibytes))


def stacks(text: str) -> tuple[NativeStack, ...]:
    return parse_native_stacks(text)


def measured_stacks(feature: int) -> tuple[NativeStack, ...]:
    path = FIXTURES / "native_stacks" / f"asprof-{feature}-measured-jmalloc-leak-collapsed.txt"
    return stacks(path.read_text())


def jemalloc_profiles(symbols: bool = True) -> dict[str, Any]:
    """The measured run that keeps Inflaters, and names for two of its addresses as the target's library would give them."""
    text = (FIXTURES / "heap_profile" / "jemalloc-17-measured-inflater-final.heap.txt").read_text()
    profile = parse_jemalloc_heap(text)
    assert profile.libraries is not None
    names: dict[int, str] = {}
    for stack in profile.stacks:
        for address in stack.addresses:
            location = profile.libraries.locate(address - 1)
            if location is not None and location.path.endswith("libzip.so"):
                names[address] = "Java_java_util_zip_Inflater_inflateBytesBytes"
            elif location is not None and "/libz.so" in location.path:
                names[address] = "inflate"
    return {
        "heap_profiles": (TakenProfile("jemalloc", "jeprof.1.9.f9.heap", 1400.0, profile),),
        "symbols": tuple(sorted(names.items())) if symbols else (),
    }


def test_the_place_tells_where_nothing_else_was_heard() -> None:
    found = verdict(evidence(in_arenas))
    assert (found.kind, found.confidence, found.owner) == (VerdictKind.NATIVE_MALLOC, Confidence.HIGH, None)
    assert "arenas" in found.summary
    found = verdict(evidence(mapped))
    assert (found.kind, found.confidence) == (VerdictKind.NATIVE_MMAP, Confidence.MEDIUM)
    assert "128 KiB" in found.summary


@pytest.mark.parametrize("allocator", ["jemalloc", "musl", "mimalloc"])
def test_the_place_says_nothing_with_another_allocator(allocator: str) -> None:
    assert verdict(evidence(mapped, jvm=jvm(allocator=allocator))).kind is VerdictKind.NATIVE_MALLOC


@pytest.mark.parametrize("feature", [8, 17, 25])
@pytest.mark.parametrize("make", [in_arenas, mapped])
def test_a_profile_of_nativemem_names_the_owner(feature: int, make: Callable[[int], Sample]) -> None:
    found = verdict(evidence(make, native_stacks=measured_stacks(feature)))
    assert (found.kind, found.confidence, found.owner) == (VerdictKind.NATIVE_MALLOC, Confidence.HIGH, "Leak.jmalloc")
    assert "100 % of what lives was asked for by Leak.jmalloc" in found.summary


def test_the_caller_in_the_application_is_the_owner_and_the_jdks_method_is_told() -> None:
    text = (
        f"java/lang/Thread.run_[j];com/acme/Images.unpack_[j];java/util/zip/Inflater.<init>_[j];"
        f"java/util/zip/Inflater.init_[0];Java_java_util_zip_Inflater_init;inflateInit2_;malloc_hook {b(30)}\n"
        f"java/lang/Thread.run_[j];com/acme/Images.unpack_[j];java/util/zip/Inflater.inflate_[j];"
        f"Java_java_util_zip_Inflater_inflateBytesBytes;inflate;malloc_hook {b(12)}\n"
        f"com/acme/Other.work_[j];Java_com_acme_Other_work;malloc_hook {b(3)}\n"
        f"thread_native_entry;os::malloc;malloc_hook {b(90)}\n"
    )
    found = verdict(evidence(in_arenas, native_stacks=stacks(text)))
    assert found.owner == "com.acme.Images.unpack"
    assert (
        "93 % of what lives was asked for by java.util.zip.Inflater.init (native inflateInit2_), called by com.acme.Images.unpack"
        in found.summary
    )


def test_who_calls_a_librarys_native_method_is_the_owner() -> None:
    text = (
        "java/lang/Thread.run_[j];com/acme/Orders.index_[j];org/rocksdb/ReadOptions.<init>_[j];"
        f"org/rocksdb/ReadOptions.newReadOptions_[0];Java_org_rocksdb_ReadOptions_newReadOptions;operator new;malloc_hook {b(40)}\n"
    )
    found = verdict(evidence(in_arenas, native_stacks=stacks(text)))
    assert found.owner == "com.acme.Orders.index"
    assert "asked for by org.rocksdb.ReadOptions.newReadOptions, called by com.acme.Orders.index." in found.summary


def test_what_the_vm_asked_for_is_no_native_leak() -> None:
    vm_only = stacks(f"thread_native_entry;Arena::grow;os::malloc;malloc_hook {b(90)}\n")
    found = verdict(evidence(mapped, native_stacks=vm_only))
    assert (found.kind, found.confidence) == (VerdictKind.NATIVE_MMAP, Confidence.HIGH)
    assert "Malloc did not take it" in found.summary


def test_page_faults_name_who_touches_what_is_mapped() -> None:
    faults = stacks("com/acme/Index.open_[j];Java_com_acme_Index_open;mmap_segment 41\njava/lang/Thread.run_[j] 2\n")
    found = verdict(evidence(mapped, lambda last: replace(last, fault_stacks=faults), native_stacks=()))
    assert (found.kind, found.owner) == (VerdictKind.NATIVE_MMAP, "com.acme.Index.open")


def test_a_jemalloc_profile_names_native_frame_and_java_owner() -> None:
    found = verdict(evidence(mapped, jvm=jvm(allocator="jemalloc"), **jemalloc_profiles()))
    assert (found.kind, found.owner) == (VerdictKind.NATIVE_MALLOC, "java.util.zip.Inflater.inflateBytesBytes")
    assert "native inflate" in found.summary
    unnamed = verdict(evidence(mapped, jvm=jvm(allocator="jemalloc"), **jemalloc_profiles(symbols=False)))
    assert unnamed.owner == "libz.so.1.3.1"


def test_two_jemalloc_profiles_are_subtracted() -> None:
    profiles = jemalloc_profiles()
    [last] = profiles["heap_profiles"]
    before = replace(last, name="jeprof.1.1.i1.heap", at=1100.0)
    found = verdict(
        evidence(mapped, jvm=jvm(allocator="glibc"), heap_profiles=(before, last), symbols=profiles["symbols"])
    )
    assert found.kind is VerdictKind.NATIVE_MMAP, "nothing grew between both, so malloc did not take it"


def test_books_tell_malloc_from_mmap() -> None:
    def with_books(make: Callable[[int], Sample], mmap_grows: bool) -> Evidence:
        found = evidence(make, lambda last: replace(last, malloc=books(12, 1, GROWN if mmap_grows else 0)))
        first = replace(found.samples[0], malloc=books(10, 1))
        return replace(found, samples=(first, *found.samples[1:]))

    large_blocks = verdict(with_books(mapped, mmap_grows=True))
    assert (large_blocks.kind, large_blocks.confidence) == (VerdictKind.NATIVE_MALLOC, Confidence.HIGH)
    past_malloc = verdict(with_books(mapped, mmap_grows=False))
    assert (past_malloc.kind, past_malloc.confidence) == (VerdictKind.NATIVE_MMAP, Confidence.HIGH)


@pytest.mark.parametrize("name", ["21-measured-jfrag", "25-measured-jfrag"])
def test_measured_books_show_retention(name: str) -> None:
    found = verdict(evidence(in_arenas, lambda last: replace(last, malloc=measured_books(name))))
    assert (found.kind, found.confidence, found.owner) == (VerdictKind.GLIBC_RETENTION, Confidence.HIGH, "glibc malloc")


@pytest.mark.parametrize(
    "name", ["21-measured-jmalloc", "25-measured-jmalloc", "25-measured-inflater", "21-measured-idle"]
)
def test_measured_books_without_free_memory_show_none(name: str) -> None:
    found = verdict(evidence(in_arenas, lambda last: replace(last, malloc=measured_books(name))))
    assert (found.kind, found.confidence) == (VerdictKind.NATIVE_MALLOC, Confidence.HIGH)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"{feature}-measured-{program}", kind)
        for program, kind, features in (
            ("jfrag", VerdictKind.GLIBC_RETENTION, (11, 17, 21, 25)),
            ("jmalloc", VerdictKind.NATIVE_MALLOC, (11, 17, 25)),
        )
        for feature in features
    ],
)
@pytest.mark.parametrize("nmt", [True, False])
def test_measured_trims(name: str, kind: VerdictKind, nmt: bool) -> None:
    """160 MiB of growth, as it was when they were measured."""

    def make(index: int) -> Sample:
        return sample(index, arenas=8 + 7 * index)

    found = verdict(evidence(make if nmt else without_nmt(make), lambda last: replace(last, trim=measured_trim(name))))
    if nmt or kind is VerdictKind.GLIBC_RETENTION:
        assert found.kind is kind
        assert found.confidence is Confidence.HIGH
    else:
        assert found.kind is VerdictKind.INCONCLUSIVE


def test_what_glibc_keeps_of_compilations_excuses_no_leak() -> None:
    found = verdict(evidence(lambda i: sample(i, arenas=2 * i), lambda last: replace(last, trim=returned(14))))
    assert found.kind is VerdictKind.NATIVE_MALLOC


def test_a_trim_of_old_garbage_excuses_no_growth_that_the_books_say_is_in_use() -> None:
    found = evidence(
        lambda i: sample(i, arenas=300 + 2 * i), lambda last: replace(last, malloc=books(350, 200), trim=returned(190))
    )
    first = replace(found.samples[0], malloc=books(304, 200))
    assert verdict(replace(found, samples=(first, *found.samples[1:]))).kind is VerdictKind.NATIVE_MALLOC


def test_garbage_that_waits() -> None:
    """Measured: unclosed Deflaters 102 -> 100 MB by the collection, -> 38 MB by the trim; here after a heap of 4 MiB."""

    def make(index: int) -> Sample:
        return sample(index, heap=4, arenas=8 + 3 * index)

    tried: dict[str, Any] = {"gc": returned(2), "trim": returned(62)}
    in_use = evidence(make, lambda last: replace(last, malloc=books(80, 2), **tried))
    found = verdict(in_use)
    assert (found.kind, found.confidence) == (VerdictKind.AWAITING_GC, Confidence.HIGH)
    free = evidence(make, lambda last: replace(last, malloc=books(80, 70), **tried))
    assert verdict(free).kind is VerdictKind.GLIBC_RETENTION
    unknown = verdict(evidence(make, lambda last: replace(last, **tried)))
    assert (unknown.kind, unknown.confidence) == (VerdictKind.GLIBC_RETENTION, Confidence.MEDIUM)
    assert "garbage that waited" in unknown.summary
    text = f"com/acme/Images.pack_[j];Java_java_util_zip_Deflater_init;malloc_hook {b(60)}\n"
    profiled = verdict(evidence(make, lambda last: replace(last, **tried), native_stacks=stacks(text)))
    assert (profiled.kind, profiled.owner) == (VerdictKind.AWAITING_GC, "com.acme.Images.pack")


def test_a_leak_outlives_a_collection_and_a_trim() -> None:
    found = verdict(evidence(in_arenas, lambda last: replace(last, gc=returned(20), trim=returned(1))))
    assert found.kind is VerdictKind.NATIVE_MALLOC


def test_direct_buffers_that_wait() -> None:
    """Measured: unreachable direct buffers 101 -> 39 MB by the collection alone."""

    def make(index: int) -> Sample:
        return sample(index, heap=4, nmt={"Other": 3 * index})

    found = diagnose(evidence(make, lambda last: replace(last, gc=returned(62))))
    assert found.verdict.kind is VerdictKind.AWAITING_GC
    assert VerdictKind.DIRECT_BUFFERS not in {finding.kind for finding in found.findings}
    kept = verdict(evidence(make, lambda last: replace(last, gc=returned(3))))
    assert kept.kind is VerdictKind.DIRECT_BUFFERS


def test_the_heap_that_a_collection_gives_back_is_no_native_memory() -> None:
    found = verdict(evidence(in_arenas, lambda last: replace(last, gc=returned(60), malloc=books(60, 2))))
    assert found.kind is VerdictKind.NATIVE_MALLOC


def test_without_nmt_a_profile_decides() -> None:
    profiled = verdict(evidence(without_nmt(in_arenas), native_stacks=measured_stacks(25)))
    assert (profiled.kind, profiled.owner) == (VerdictKind.NATIVE_MALLOC, "Leak.jmalloc")
    assert verdict(evidence(without_nmt(in_arenas))).kind is VerdictKind.INCONCLUSIVE
    assert verdict(evidence(without_nmt(mapped), native_stacks=())).kind is VerdictKind.INCONCLUSIVE


def test_witnesses_that_agree_raise_the_confidence() -> None:
    """Half of the growth is outside NMT, the rest in a category that leaks beside it."""

    def finding(**members: Any) -> Finding:
        def make(index: int) -> Sample:
            return sample(index, arenas=8 + 2 * index, nmt={"Symbol": 3 + 1.2 * index})

        findings = diagnose(evidence(make, **members)).findings
        return next(each for each in findings if each.kind is VerdictKind.NATIVE_MALLOC)

    assert finding().confidence is Confidence.MEDIUM
    agreed = finding(native_stacks=measured_stacks(17))
    assert (agreed.confidence, agreed.outcome) == (Confidence.HIGH, Outcome.FAIL)


@pytest.mark.parametrize(
    ("name", "method", "caller"),
    [
        ("jdk8-deflater", "java.util.zip.Deflater.init", "offheap.lab.Deflaters.compress"),
        ("jdk17-inflater", "java.util.zip.Inflater.inflateBytesBytes", "offheap.lab.Inflaters.step"),
        ("jdk21-deflater", "java.util.zip.Deflater.init", "offheap.lab.Deflaters.compress"),
        ("jdk25-inflater", "java.util.zip.Inflater.inflateBytesBytes", "offheap.lab.Inflaters.step"),
    ],
)
def test_measured_recordings_name_method_and_caller(name: str, method: str, caller: str) -> None:
    """Recordings of 15 s of a leak of 1 to 2 MiB a second, here as a part of the run of 23 intervals of 15 s."""
    memory = parse_jfr(gzip.decompress((FIXTURES / "jfr" / f"asprof-4.6-{name}.jfr.gz").read_bytes()))
    live = sum(stack.weight_bytes for stack in memory.native_stacks) / b(1)
    mib_a_sample = live / memory.seconds * 15

    def make(index: int) -> Sample:
        return sample(index, arenas=8 + mib_a_sample * index)

    found = verdict(evidence(make, native_stacks=memory.native_stacks, native_seconds=memory.seconds))
    assert (found.kind, found.confidence, found.owner) == (VerdictKind.NATIVE_MALLOC, Confidence.HIGH, caller)
    assert f"asked for by {method}" in found.summary
    assert f"called by {caller}" in found.summary


def test_a_short_recording_denies_nothing() -> None:
    """It grew too large after a second: a leak of 8 MiB a minute shows nothing in it."""
    found = verdict(evidence(in_arenas, native_stacks=(), native_seconds=1.0))
    assert found.kind is VerdictKind.NATIVE_MALLOC


def holds(name: str) -> Callable[[Sample], Sample]:
    strings = [{"prefix": "SESSION-CONTEXT native", "count": 900, "size_bytes": 90_000}]
    region = {"start": "7f10", "size_bytes": 1 << 20, "names": {name: 900}, "strings": strings, "magic": {"png": 12}}
    content = parse_content({"method": "proc-mem", "pause_seconds": 0, "regions": [region]})
    return lambda last: replace(last, contents=(content,))


@pytest.mark.parametrize("make", [in_arenas, mapped, lambda index: sample(index, nmt={"Other": 2 * index})])
def test_content_names_the_owner_where_nothing_else_does(make: Callable[[int], Sample]) -> None:
    found = verdict(evidence(make, holds("com.acme.ImageCache")))
    assert found.owner == "com.acme.ImageCache"
    assert "strings that begin `SESSION-CONTEXT native` (900 times) and beginnings of png (12)" in found.summary
    assert "the owner may be com.acme.ImageCache: 900 of 900 class names" in found.summary
    without = verdict(evidence(without_nmt(make), holds("com.acme.ImageCache")))
    assert (without.kind, without.owner) == (VerdictKind.INCONCLUSIVE, "com.acme.ImageCache")


def test_content_yields_to_a_profile_and_bears_witness() -> None:
    other = verdict(evidence(in_arenas, holds("com.acme.ImageCache"), native_stacks=measured_stacks(17)))
    assert other.owner == "Leak.jmalloc"

    def confidence(name: str) -> Confidence:
        def make(index: int) -> Sample:
            return sample(index, arenas=8 + 2 * index, nmt={"Symbol": 3 + 1.8 * index})

        stack = stacks(f"com/acme/Images.unpack_[j];Java_com_acme_Images_unpack;malloc_hook {b(40)}\n")
        found = evidence(make, holds(name), native_stacks=stack)
        return next(each.confidence for each in diagnose(found).findings if each.kind is VerdictKind.NATIVE_MALLOC)

    assert confidence("com.acme.Images") is Confidence.HIGH
    assert confidence("com.other.Thing") is Confidence.MEDIUM
