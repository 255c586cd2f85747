"""Answers of the VM about classes, metaspace and code, of every JDK there is a measured text of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.classloader_stats import LoaderType, parse_classloader_stats
from offheap.evidence.codecache import CodeHeap, parse_codecache
from offheap.evidence.errors import EvidenceError
from offheap.evidence.metaspace import parse_metaspace
from tests.unit.evidence.mutation import mutated

JCMD = Path(__file__).parents[2] / "fixtures" / "jcmd"
STATS = {path.name: path.read_text() for path in sorted(JCMD.glob("*classloaderstats*"))}
METASPACES = {path.name: path.read_text() for path in sorted(JCMD.glob("*etaspace*"))}
CODE_CACHES = {path.name: path.read_text() for path in sorted(JCMD.glob("*odecache*"))}
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("name", "loaders", "classes", "chunk_bytes", "leaked", "leaked_bytes"),
    [
        ("jcmd-8-measured-classloaderstats-classloader.txt", 1203, 1713, 12046336, 1200, 7372800),
        ("jcmd-8-measured-classloaderstats-proxy.txt", 803, 1329, 9590784, 800, 4915200),
        ("jcmd-17-measured-classloaderstats-proxy.txt", 803, 1474, 1584512, 800, 1023616),
        ("jcmd-21-measured-classloaderstats-classloader.txt", 1203, 1875, 11852800, 1200, 7372800),
        ("jcmd-21-measured-classloaderstats-proxy.txt", 803, 1550, 12678144, 800, 8183808),
    ],
)
def test_leaked_loaders_come_first(
    name: str, loaders: int, classes: int, chunk_bytes: int, leaked: int, leaked_bytes: int
) -> None:
    stats = parse_classloader_stats(STATS[name])
    assert len(stats.loaders) == stats.total_loaders == loaders
    assert (stats.total_classes, stats.total_chunk_bytes) == (classes, chunk_bytes)
    assert stats.by_type()[0] == LoaderType("Leak$CL", leaked, leaked, 0, leaked_bytes)
    assert sum(each.classes for each in stats.by_type()) == classes
    assert sum(each.chunk_bytes for each in stats.by_type()) == chunk_bytes


def test_hidden_classes_belong_to_the_loader_above_them() -> None:
    stats = parse_classloader_stats(STATS["jcmd-17-measured-classloaderstats-hidden.txt"])
    application, platform, boot = stats.loaders
    assert application.type == "jdk.internal.loader.ClassLoaders$AppClassLoader"
    assert (application.classes, application.chunk_bytes, application.block_bytes) == (1, 768, 533)
    assert (application.hidden_classes, application.hidden_chunk_bytes) == (6000, 2304000)
    assert application.parent == platform.address
    assert (boot.type, boot.classes, boot.hidden_classes) == ("<boot class loader>", 657, 1)
    assert sum(each.classes for each in stats.by_type()) == stats.total_classes == 6659


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("7:\nClassLoader Parent CLD* Classes ChunkSz BlockSz Type\n", 3),
        ("     6000   2304000   1800000   + hidden classes\n", 1),
        ("7:\n0x01  0x02 broken\n", 2),
    ],
)
def test_loader_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_classloader_stats(text)
    assert error.value.line == line


@pytest.mark.parametrize(
    ("name", "loaders", "classes", "shared", "committed_kib", "used_kib", "virtual_kib"),
    [
        ("jcmd-17-measured-VM.metaspace.txt", 2, 514, 498, 275.0, 165.87, 384.0),
        ("jcmd-21-measured-VM.metaspace.txt", 3, 631, 610, 282.0, 194.30, 384.0),
        ("jcmd-25-measured-VM.metaspace.txt", 7, 893, 833, 548.0, 455.50, 640.0),
        ("jcmd-17-measured-metaspace-hidden.txt", 6003, 6659, 641, 18.02 * KIB, 14.09 * KIB, 18.06 * KIB),
    ],
)
def test_metaspace_numbers(
    name: str, loaders: int, classes: int, shared: int, committed_kib: float, used_kib: float, virtual_kib: float
) -> None:
    metaspace = parse_metaspace(METASPACES[name])
    assert (metaspace.loaders, metaspace.classes, metaspace.shared_classes) == (loaders, classes, shared)
    assert metaspace.both is not None
    assert metaspace.both.committed_bytes == pytest.approx(committed_kib * KIB, abs=1)
    assert metaspace.used_bytes == metaspace.both.used_bytes == pytest.approx(used_kib * KIB, abs=1)
    assert metaspace.virtual.committed_bytes == pytest.approx(virtual_kib * KIB, abs=1)
    assert metaspace.max_bytes is None
    assert metaspace.class_space_max_bytes == GIB
    assert metaspace.gc_threshold_bytes == 21 * MIB
    assert metaspace.class_virtual is not None
    assert metaspace.class_virtual.reserved_bytes == GIB


@pytest.mark.parametrize(
    ("name", "used_mib", "committed_mib", "class_committed_kib"),
    [
        ("jcmd-11-measured-metaspace-basic.txt", 1.32, 5.50, 768),
        ("jcmd-17-measured-metaspace-basic.txt", 1.20, 1.94, 320),
        ("jcmd-17-measured-metaspace-basic-no-class-space.txt", 7.56, 8.25, None),
        ("jcmd-21-measured-metaspace-basic.txt", 1.91, 2.94, 512),
        ("jcmd-25-measured-metaspace-basic.txt", 1.16, 1.62, 256),
    ],
)
def test_the_short_form_of_metaspace(
    name: str, used_mib: float, committed_mib: float, class_committed_kib: float | None
) -> None:
    metaspace = parse_metaspace(METASPACES[name])
    assert (metaspace.loaders, metaspace.classes, metaspace.both) == (None, None, None)
    assert metaspace.used_bytes == pytest.approx(used_mib * MIB, abs=1)
    assert metaspace.virtual.committed_bytes == pytest.approx(committed_mib * MIB, abs=1)
    if class_committed_kib is None:
        assert metaspace.class_virtual is None
    else:
        assert metaspace.class_virtual is not None
        assert metaspace.class_virtual.committed_bytes == class_committed_kib * KIB


def test_metaspace_parts_and_limit() -> None:
    text = METASPACES["jcmd-17-measured-VM.metaspace.txt"]
    limited = parse_metaspace(text.replace("MaxMetaspaceSize: unlimited", "MaxMetaspaceSize: 256.00 MB"))
    assert limited.max_bytes == 256 * MIB
    assert limited.class_space is not None
    assert (limited.class_space.chunks, limited.class_space.deallocated_bytes) == (3, 112)
    assert limited.non_class is not None
    assert limited.non_class.free_bytes == pytest.approx(53.5 * KIB, abs=1)


def test_metaspace_errors_name_the_line() -> None:
    with pytest.raises(EvidenceError) as error:
        parse_metaspace("7:\n\nTotal Usage ( 4 loaders):\n")
    assert error.value.line == 3
    with pytest.raises(EvidenceError):
        parse_metaspace("")


@pytest.mark.parametrize(
    ("name", "size_kib", "used_kib", "committed_kib", "blobs", "nmethods", "adapters"),
    [
        ("jcmd-11-measured-Compiler.codecache.txt", 245760, 1200, 7488, 376, 98, 192),
        ("jcmd-17-measured-Compiler.codecache.txt", 245760, 1066, 7488, 305, 21, 199),
        ("jcmd-17-measured-codecache-codeleak.txt", 245760, 11624, 15232, 5633, 5283, 264),
        ("jcmd-21-measured-Compiler.codecache.txt", 245760, 1360, 7488, 382, 27, 262),
        ("jcmd-25-measured-Compiler.codecache.txt", 245764, 1469, 7488, 474, 108, 271),
    ],
)
def test_code_cache_numbers(
    name: str, size_kib: int, used_kib: int, committed_kib: int, blobs: int, nmethods: int, adapters: int
) -> None:
    cache = parse_codecache(CODE_CACHES[name])
    assert {heap.name for heap in cache.heaps} == {"non-profiled nmethods", "profiled nmethods", "non-nmethods"}
    assert (cache.size_bytes, cache.used_bytes) == (size_kib * KIB, used_kib * KIB)
    assert cache.committed_bytes == committed_kib * KIB
    assert (cache.blobs, cache.nmethods, cache.adapters) == (blobs, nmethods, adapters)
    assert (cache.full_count, cache.stopped_count, cache.compilation_enabled) == (0, 0, True)


def test_one_heap_of_code_and_a_stopped_compiler() -> None:
    cache = parse_codecache(
        "CodeCache: size=49152Kb used=1066Kb max_used=1080Kb free=48086Kb\n"
        " bounds [0x1000, 0x3000, 0x9000]\n total_blobs=305 nmethods=21 adapters=199\n"
        " compilation: disabled (not enough contiguous free space left)\n"
    )
    assert cache.heaps == (
        CodeHeap("CodeCache", 49152 * KIB, 1066 * KIB, 1080 * KIB, 48086 * KIB, 0x2000, (0x1000, 0x9000)),
    )
    assert cache.compilation_enabled is False
    assert cache.full_count is None


def test_code_cache_errors_name_the_line() -> None:
    with pytest.raises(EvidenceError) as error:
        parse_codecache("CodeCache: size=1Kb used=1Kb max_used=1Kb free=0Kb\n bounds [0x3, 0x2, 0x9]\n")
    assert error.value.line == 2
    with pytest.raises(EvidenceError):
        parse_codecache("7:\nUnknown diagnostic command\n")


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_classloader_stats, parse_metaspace, parse_codecache):
        with suppress(EvidenceError):
            parse(text)


@given(mutated([text[:1500] + text[-400:] for text in STATS.values()]))
def test_mutated_stats_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_classloader_stats(text).by_type()


@given(mutated([text[:1400] for text in METASPACES.values()], "0123456789. %KMGB(),:<"))
def test_mutated_metaspaces_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_metaspace(text)


@given(mutated(list(CODE_CACHES.values()), "0123456789Kb=,[]x ':"))
def test_mutated_code_caches_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_codecache(text)
