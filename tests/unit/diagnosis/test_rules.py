"""Single rules on made-up samples, for what the recorded runs do not contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offheap.diagnosis import Confidence, Outcome, Verdict, VerdictKind, diagnose
from offheap.diagnosis.growth import MIN_SAMPLES
from offheap.diagnosis.rules import RULES
from offheap.evidence.buffer_pools import BufferPool, BufferPools
from offheap.evidence.bundle import Evidence, OtherProcess, Sample
from offheap.evidence.classloader_stats import parse_classloader_stats
from offheap.evidence.codecache import parse_codecache
from offheap.evidence.compiler_memory import parse_compiler_memory
from offheap.evidence.nmt_categories import MEANINGS, meaning_of
from tests.unit.diagnosis.samples import BASE, BASE_OF_8, b, jvm, sample

FIXTURES = Path(__file__).parents[2] / "fixtures"


def verdict(make: Callable[[int], Sample], count: int = 24, **members: object) -> Verdict:
    diagnosis = diagnose(
        Evidence(jvm=jvm(**members), limit_bytes=b(1024), samples=tuple(make(i) for i in range(count)))
    )
    assert diagnosis.balance is not None
    assert sum(row.bytes for row in diagnosis.balance.rows) == diagnosis.balance.usage_bytes
    return diagnosis.verdict


LEAKS: dict[VerdictKind, Callable[[int], Sample]] = {
    VerdictKind.METASPACE: lambda i: sample(i, nmt={"Metaspace": 20 + 2 * i}, classes=1000 + 50 * i),
    VerdictKind.CODE_CACHE: lambda i: sample(i, nmt={"Code": 15 + 2 * i}, classes=1000 + 50 * i),
    VerdictKind.GC_STRUCTURES: lambda i: sample(i, nmt={"GC": 5 + 2 * i}),
    VerdictKind.JIT_COMPILER: lambda i: sample(i, nmt={"Compiler": 1 + 10 * i}),
    VerdictKind.OTHER_NMT_CATEGORY: lambda i: sample(i, nmt={"Symbol": 3 + 2 * i}),
    VerdictKind.DIRECT_BUFFERS: lambda i: sample(i, nmt={"Other": 2 * i}),
    VerdictKind.MAPPED_FILES: lambda i: sample(i, files=(("/data/index.bin", 5 + 2 * i), ("/data/small", 1))),
    VerdictKind.TMPFS: lambda i: sample(i, tmpfs=2 * i),
    VerdictKind.PAGE_CACHE: lambda i: sample(i, cache=10 + 4 * i),
}


@pytest.mark.parametrize(("kind", "make"), LEAKS.items())
def test_each_kind(kind: VerdictKind, make: Callable[[int], Sample]) -> None:
    found = verdict(make)
    assert found.kind is kind
    assert found.confidence is Confidence.HIGH
    assert found.missing is None
    assert found.summary
    assert found.recommendation


NEVER_ACCUSED = {
    "Native Memory Tracking": "it grows with what it tracks",
    "Shared class space": "a file, mapped once",
}
NAMES = [*MEANINGS, "Quantum Foam"]


def texts_of_findings(samples: list[Sample]) -> str:
    findings = diagnose(Evidence(jvm=jvm(max_heap_bytes=b(256)), samples=tuple(samples))).findings
    return " ".join(f"{finding.message} {finding.recommendation}" for finding in findings)


@pytest.mark.parametrize("base", [BASE_OF_8, BASE], ids=["8", "17"])
@pytest.mark.parametrize("name", NAMES)
def test_a_finding_tells_what_its_category_is_and_which_options_control_it(name: str, base: dict[str, float]) -> None:
    """Also what a reader of JDK 8 sees, where a category of later releases can only come by backport."""
    step = 10 if name in ("Compiler", "JVMCI", "Arena Chunk") else 2

    def make(i: int) -> Sample:
        grown = {} if name == "Java Heap" else {name: base.get(name, 1) + step * i}
        heap: dict[str, Any] = {"heap": 250.0, "used": 110.0 + 5 * i + (i % 3) * 10} if name == "Java Heap" else {}
        return sample(i, base=base, nmt=grown, classes=1000 + 50 * i, threads=30 + 2 * i, **heap)

    text = texts_of_findings([make(i) for i in range(24)])
    told = meaning_of(name)
    if name in NEVER_ACCUSED:
        assert told.meaning not in text
        return
    assert f"NMT's {name} " in text
    assert told.text in text
    assert [option for option in told.options if option not in text] == []
    assert told.options or f"No JVM option controls NMT's {name}." in text


def test_the_metaspace_of_jdk_8_is_told_by_the_name_that_it_has_there() -> None:
    samples = [sample(i, base=BASE_OF_8, nmt={"Class": 22 + 2 * i}, classes=1000 + 50 * i) for i in range(24)]
    text = texts_of_findings(samples)
    assert "(NMT Class) grew" in text
    assert "NMT's Metaspace" not in text


def test_a_leak_beside_a_heap_that_breathes_is_seen() -> None:
    """1 MiB a minute beside a heap that breathes by 100 MiB."""
    found = verdict(lambda i: sample(i, heap=64 + (i * 37) % 100, nmt={"Other": 0.25 * i}), count=80)
    assert found.kind is VerdictKind.DIRECT_BUFFERS
    assert found.growth_bytes_per_hour == pytest.approx(b(60), rel=0.1)


def test_growth_to_the_maximum_heap_is_no_leak() -> None:
    found = verdict(lambda i: sample(i, heap=64 + 5 * i, used=30 + (i % 4) * 20), max_heap_bytes=b(256))
    assert found.kind is VerdictKind.NO_LEAK
    assert "ordinary growth" in found.summary


def test_lows_that_rise_to_a_full_heap_are_a_heap_leak() -> None:
    found = verdict(lambda i: sample(i, heap=250, used=110 + 5 * i + (i % 3) * 10), max_heap_bytes=b(256))
    assert found.kind is VerdictKind.JAVA_HEAP


def test_the_shared_heap_of_zgc_is_not_tmpfs() -> None:
    found = verdict(lambda i: sample(i, heap=64 + 5 * i, heap_in_shared_memory=True))
    assert found.kind is VerdictKind.NO_LEAK


def test_beyond_what_nio_may_hold_it_is_unsafe_memory() -> None:
    found = verdict(lambda i: sample(i, nmt={"Other": 100 + 4 * i}), options=["-XX:MaxDirectMemorySize=128m"])
    assert found.kind is VerdictKind.UNSAFE_MEMORY
    found = verdict(lambda i: sample(i, nmt={"Other": 100 + 4 * i}), options=["-XX:MaxDirectMemorySize=1G"])
    assert found.kind is VerdictKind.DIRECT_BUFFERS


def test_the_growing_file_is_the_owner() -> None:
    assert verdict(LEAKS[VerdictKind.MAPPED_FILES]).owner == "/data/index.bin"


def test_another_process_of_the_container() -> None:
    samples = tuple(sample(i, foreign=50 + 2 * i) for i in range(24))
    known = Evidence(jvm=jvm(), samples=samples, others=(OtherProcess(12, "exporter", b(100)),))
    found = diagnose(known).verdict
    assert (found.kind, found.owner) == (VerdictKind.SIDE_PROCESS, "exporter")
    unknown = diagnose(Evidence(jvm=jvm(), samples=samples)).verdict
    assert unknown.kind is VerdictKind.INCONCLUSIVE
    assert unknown.missing is not None
    assert "processes" in unknown.missing


def test_a_process_beside_a_leaking_jvm_hides_no_leak() -> None:
    samples = tuple(sample(i, nmt={"Other": 2 * i}, foreign=50 + 3 * i) for i in range(24))
    found = diagnose(Evidence(jvm=jvm(), samples=samples, others=(OtherProcess(12, "exporter", b(100)),)))
    assert [(finding.kind, finding.outcome) for finding in found.findings] == [
        (VerdictKind.SIDE_PROCESS, Outcome.FAIL),
        (VerdictKind.DIRECT_BUFFERS, Outcome.FAIL),
    ]


def test_a_full_container_without_growth_has_too_small_a_limit() -> None:
    found = verdict(lambda i: sample(i, heap=900))
    assert found.kind is VerdictKind.LIMIT_TOO_SMALL


def test_code_that_grows_without_new_classes_is_warm_up() -> None:
    diagnosis = diagnose(Evidence(samples=tuple(sample(i, nmt={"Code": 15 + 2 * i}) for i in range(24))))
    assert diagnosis.verdict.kind is VerdictKind.NO_LEAK
    assert [finding.outcome for finding in diagnosis.findings] == [Outcome.PASS]


def test_a_weak_suspicion_is_no_verdict() -> None:
    """Two categories that grow alike: neither explains enough."""
    found = verdict(lambda i: sample(i, nmt={"Metaspace": 20 + i, "Tracing": i, "Logging": i, "Serviceability": i}))
    assert found.kind is VerdictKind.INCONCLUSIVE
    assert found.missing is not None


def test_a_pool_that_fills_once_is_no_leak() -> None:
    assert verdict(lambda i: sample(i, nmt={"Other": min(60, 8 * i)})).kind is VerdictKind.NO_LEAK


def test_a_step_in_the_middle_is_no_leak_but_is_told() -> None:
    diagnosis = diagnose(Evidence(samples=tuple(sample(i, nmt={"Other": 40 * (i >= 14)}) for i in range(24))))
    assert diagnosis.verdict.kind is VerdictKind.NO_LEAK
    assert diagnosis.findings[0].outcome is Outcome.WARN


def test_seconds_to_limit_count_page_cache_as_free() -> None:
    found = verdict(lambda i: sample(i, nmt={"Other": 4 * i}, cache=500))
    assert found.seconds_to_limit is not None
    used = 64 + sum(BASE.values()) - 64 + 4 * 23 + 2
    assert found.seconds_to_limit == pytest.approx((1024 - used) / 4 * 15, rel=0.05)


def test_nothing_is_decided_below_the_least_number_of_samples() -> None:
    assert verdict(LEAKS[VerdictKind.METASPACE], count=MIN_SAMPLES - 1).kind is VerdictKind.INCONCLUSIVE


def test_the_registry_has_each_rule_once() -> None:
    assert len(set(RULES)) == len(RULES)


def with_last(make: Callable[[int], Sample], **members: Any) -> Verdict:
    """The verdict with this read at the last sample."""
    return verdict(lambda index: replace(make(index), **members) if index == 23 else make(index))


@pytest.mark.parametrize(
    "name", ["8-measured-classloaderstats-classloader", "21-measured-classloaderstats-classloader"]
)
def test_the_leaked_class_of_loader_is_the_owner(name: str) -> None:
    stats = parse_classloader_stats((FIXTURES / "jcmd" / f"jcmd-{name}.txt").read_text())
    found = with_last(LEAKS[VerdictKind.METASPACE], classloaders=stats)
    assert found.owner == "Leak$CL"
    assert "1200 loaders of Leak$CL live" in found.summary


def test_the_loader_of_hidden_classes_is_the_owner() -> None:
    stats = parse_classloader_stats((FIXTURES / "jcmd" / "jcmd-17-measured-classloaderstats-hidden.txt").read_text())
    found = with_last(LEAKS[VerdictKind.METASPACE], classloaders=stats)
    assert found.owner == "jdk.internal.loader.ClassLoaders$AppClassLoader"
    assert "6000 hidden classes" in found.summary


def test_the_largest_compilation_is_the_owner() -> None:
    memory = parse_compiler_memory((FIXTURES / "jcmd" / "jcmd-25-measured-Compiler.memory.txt").read_text())
    found = with_last(LEAKS[VerdictKind.JIT_COMPILER], compiler=memory)
    assert found.owner == memory.compilations[0].method
    assert "took 6.1 MiB" in found.summary


def test_the_code_cache_says_how_full_it_is() -> None:
    cache = parse_codecache((FIXTURES / "jcmd" / "jcmd-17-measured-codecache-codeleak.txt").read_text())
    found = with_last(LEAKS[VerdictKind.CODE_CACHE], codecache=cache)
    assert f"of {cache.size_bytes / (1 << 20):.0f} MiB" in found.summary


def test_mapped_buffers_of_nio_are_named() -> None:
    def make(index: int) -> Sample:
        pools = BufferPools((BufferPool("mapped", index, b(2 * index), b(2 * index)),))
        return replace(LEAKS[VerdictKind.MAPPED_FILES](index), pools=pools)

    assert "MappedByteBuffers" in verdict(make).summary
    assert "MappedByteBuffers" not in verdict(LEAKS[VerdictKind.MAPPED_FILES]).summary
