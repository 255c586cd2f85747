"""Heap profiles of jemalloc and gperftools, against the leaks that were made and against what jeprof printed."""

from __future__ import annotations

from contextlib import suppress
from math import exp
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.gperftools_heap import parse_gperftools_heap
from offheap.evidence.heap_profile import HeapProfile, HeapStack, subtract, unsample
from offheap.evidence.jemalloc_heap import parse_jemalloc_heap
from offheap.evidence.mapped_libraries import Location, parse_mapped_libraries
from tests.unit.evidence.mutation import mutated

PROFILES = Path(__file__).parents[2] / "fixtures" / "heap_profile"
JEMALLOC = {path.name: path.read_text() for path in sorted(PROFILES.glob("jemalloc-*"))}
GPERFTOOLS = (PROFILES / "gperftools-17-measured-jmalloc.heap.txt").read_text()
GPERFTOOLS_SHORT = "".join(GPERFTOOLS.splitlines(keepends=True)[:12] + GPERFTOOLS.splitlines(keepends=True)[3218:3230])
MAPS = (
    "7f0000000000-7f0000010000 r-xp 00002000 fe:00 12 /lib/libz.so.1\n7f0000010000-7f0000020000 rw-p 00000000 00:00 0\n"
)


def jemalloc(name: str) -> HeapProfile:
    return parse_jemalloc_heap(JEMALLOC[name])


@pytest.mark.parametrize(
    ("name", "sample_bytes", "sampled", "stacks", "threads", "estimated"),
    [
        ("jemalloc-17-measured-inflater-final.heap.txt", 65536, (843, 10464922), 9, 4, 60654654),
        ("jemalloc-17-measured-inflater-manual.heap.txt", 65536, (843, 10464922), 9, 4, 60654654),
        ("jemalloc-17-measured-jmalloc.heap.txt", 131072, (572, 652295), 13, 4, 75359140),
    ],
)
def test_jemalloc_numbers(
    name: str, sample_bytes: int, sampled: tuple[int, int], stacks: int, threads: int, estimated: int
) -> None:
    profile = jemalloc(name)
    assert profile.sample_bytes == sample_bytes
    assert (profile.sampled_objects, profile.sampled_bytes) == sampled
    assert (len(profile.stacks), len(profile.threads)) == (stacks, threads)
    assert profile.bytes == pytest.approx(estimated, abs=len(profile.stacks))
    assert profile.is_complete
    assert profile.unread_lines == ()


def test_totals_are_those_of_jeprof() -> None:
    printed = (PROFILES / "jeprof-text-17-measured-inflater.txt").read_text().splitlines()
    total = int(printed[0].split()[1])
    for dump in ("final", "manual"):
        assert jemalloc(f"jemalloc-17-measured-inflater-{dump}.heap.txt").bytes == pytest.approx(total, rel=0.001)


def test_the_stacks_of_zlib_are_those_of_jeprof() -> None:
    """jeprof: inflateBackEnd 49066899 bytes (two callers of one place), inflateInit2_ 11140416, Inflater_init 131184."""
    profile = jemalloc("jemalloc-17-measured-inflater-final.heap.txt")
    assert profile.libraries
    libz: dict[int, int] = {}
    for stack in profile.stacks:
        inside = [
            place.offset
            for address in stack.addresses
            if (place := profile.libraries.locate(address)) and "/libz" in place.path
        ]
        if inside:
            libz[inside[0]] = libz.get(inside[0], 0) + stack.bytes
    assert sorted(libz.values(), reverse=True) == pytest.approx([49066899, 11140416, 131184], rel=0.001)


def test_a_stack_that_could_not_be_unwound() -> None:
    profile = jemalloc("jemalloc-8arm-issue1461-nostack-head.txt")
    assert [stack.addresses for stack in profile.stacks] == [()]
    assert profile.stacks[0].objects == 30
    assert profile.libraries
    assert profile.libraries.paths == ("/usr/lib/jvm/jdk-8-oracle-arm32-vfp-hflt/jre/bin/java",)


def test_a_file_that_ends_early_gives_what_it_holds() -> None:
    text = "heap_v2/1\n  t*: 2: 20 [0: 0]\n@ 0x1 0x2\n  t*: 1: 12 [0: 0]\n  t0: 1: 12 [0: 0]\n@ 0x1 0x3\n  t*: 1: "
    profile = parse_jemalloc_heap(text)
    assert profile.stacks == (HeapStack((1, 2), 1, 12),)
    assert not profile.is_complete
    assert profile.libraries is None


def test_thread_names_accumulated_counts_and_unknown_lines() -> None:
    profile = parse_jemalloc_heap(
        "heap_v2/1\n  t*: 1: 8 [3: 24]\n  t7: 1: 8 [3: 24] C2 CompilerThread0\nf: 1 2\n@ 0xa\n  t*: 1: 8 [3: 24]\n\n"
        f"MAPPED_LIBRARIES:\n{MAPS}"
    )
    assert profile.threads[0].number == 7
    assert profile.threads[0].name == "C2 CompilerThread0"
    assert profile.stacks == (HeapStack((10,), 1, 8, 3, 24),)
    assert profile.unread_lines == (4,)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("heap_v2/0\n", 1),
        ("heap_v1/5\n", 1),
        ("heap_v2/1\n@ 0x1\n@ 0x2\n  t*: 1: 1 [0: 0]\n", 2),
        ("heap_v2/1\n@ 0x1 zz\n  t*: 1: 1 [0: 0]\n", 2),
        ("heap_v2/1\n@ 0x1\n  t*: 1: x [0: 0]\n\nMAPPED_LIBRARIES:\n", 3),
        ("heap_v2/1\n@ 0x1\n  t*: 1: 1 [0: 0]\n  t*: 1: 1 [0: 0]\n", 4),
        ("heap_v2/1\n\nMAPPED_LIBRARIES:\nno mapping\n", 4),
    ],
)
def test_jemalloc_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_jemalloc_heap(text)
    assert error.value.line == line


def test_subtraction_keeps_growth_and_what_shrank() -> None:
    base = parse_jemalloc_heap(
        "heap_v2/1\n@ 0x1\n  t*: 1: 10 [0: 0]\n@ 0x2\n  t*: 1: 5 [0: 0]\n@ 0x3\n  t*: 1: 7 [0: 0]\n"
    )
    later = parse_jemalloc_heap(
        "heap_v2/1\n@ 0x1\n  t*: 4: 40 [0: 0]\n@ 0x3\n  t*: 1: 7 [0: 0]\n@ 0x4\n  t*: 1: 50 [0: 0]\n"
    )
    assert subtract(later, base) == (HeapStack((4,), 1, 50), HeapStack((1,), 3, 30), HeapStack((2,), -1, -5))
    assert subtract(later, later) == ()


@pytest.mark.parametrize("size", [1, 100, 65536, 10**7])
def test_unsampling_is_the_documented_formula(size: int) -> None:
    seen = 1 - exp(-size / 65536)
    objects, size_bytes = unsample(10, 10 * size, 65536)
    assert objects == pytest.approx(10 / seen, rel=1e-6, abs=1)
    assert size_bytes == pytest.approx(10 * size / seen, rel=1e-6, abs=1)


def test_gperftools_counts_every_allocation() -> None:
    profile = parse_gperftools_heap(GPERFTOOLS)
    assert (profile.sample_bytes, profile.sampled_objects, profile.sampled_bytes) == (1, 65493, 69352540)
    assert (len(profile.stacks), profile.unread_lines, profile.is_complete) == (3217, (), True)
    assert profile.bytes <= 69352540
    top = profile.stacks[0]
    assert (top.objects, top.bytes, top.allocated_objects, top.allocated_bytes) == (61312, 62783488, 61312, 62783488)
    assert profile.libraries
    place = profile.libraries.locate(top.addresses[0])
    assert place is not None
    assert place.path.startswith("/")


@pytest.mark.parametrize(
    ("kind", "objects", "size_bytes"),
    [
        ("heapprofile", 10, 1000),
        ("growthz", 10, 1000),
        ("heap_v2/100", 16, 1582),
        ("heapz_v2/100", 16, 1582),
        ("heap/400", 20, 2000),
        ("heap/100", 10, 1000),
        ("heap_v2", 10, 1000),
    ],
)
def test_the_type_says_how_to_count(kind: str, objects: int, size_bytes: int) -> None:
    profile = parse_gperftools_heap(f"heap profile: 10: 1000 [ 10: 1000] @ {kind}\n  10: 1000 [ 10: 1000] @ 0x1 0x2\n")
    assert profile.stacks == (HeapStack((1, 2), objects, size_bytes, objects, size_bytes),)


def test_gperftools_errors_name_the_line() -> None:
    with pytest.raises(EvidenceError) as error:
        parse_gperftools_heap("heap profile: 1: 1 [1: 1] @ heapprofile\n 1: x [1: 1] @ 0x1\n 1: 1 [1: 1] @ 0x1\n")
    assert error.value.line == 2
    with pytest.raises(EvidenceError):
        parse_gperftools_heap("heap_v2/1\n")


def test_an_address_becomes_a_place_in_a_library() -> None:
    libraries = parse_mapped_libraries(MAPS)
    assert libraries.locate(0x7F0000000010) == Location("/lib/libz.so.1", 0x2010)
    assert libraries.locate(0x7F0000010010) is None
    assert libraries.locate(0x7F0000020000) is None
    assert libraries.locate(1) is None


def test_mappings_that_were_cut() -> None:
    cut = MAPS + "7f0000030000-7f00000"
    assert len(parse_mapped_libraries(cut, may_be_cut=True).mappings) == 2
    assert parse_mapped_libraries("", may_be_cut=True).mappings == ()
    with pytest.raises(EvidenceError) as error:
        parse_mapped_libraries(cut, 11)
    assert error.value.line == 13


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_jemalloc_heap, parse_gperftools_heap, parse_mapped_libraries):
        with suppress(EvidenceError):
            parse(text)
    with suppress(EvidenceError):
        parse_jemalloc_heap("heap_v2/1\n" + text)
    with suppress(EvidenceError):
        parse_gperftools_heap("heap profile: 1: 1 [1: 1] @ heap/7\n" + text)


@given(mutated([*(text[:6000] for text in JEMALLOC.values()), JEMALLOC["jemalloc-8arm-issue1461-nostack-head.txt"]]))
def test_mutated_profiles_of_jemalloc_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        profile = parse_jemalloc_heap(text)
        assert subtract(profile, profile) == ()


@given(mutated([GPERFTOOLS_SHORT, GPERFTOOLS_SHORT.replace("heapprofile", "heap_v2/524288")]))
def test_mutated_profiles_of_gperftools_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_gperftools_heap(text)


@given(st.lists(st.tuples(st.lists(st.integers(0, 2**64 - 1)), st.integers(0, 10**9), st.integers(0, 10**12))))
def test_what_is_written_is_read_back(stacks: list[tuple[list[int], int, int]]) -> None:
    text = "heap_v2/1\n  t*: 0: 0 [0: 0]\n" + "".join(
        f"@{''.join(f' {address:#x}' for address in addresses)}\n  t*: {objects}: {size} [0: 0]\n"
        for addresses, objects, size in stacks
    )
    profile = parse_jemalloc_heap(text)
    assert profile.stacks == tuple(HeapStack(tuple(addresses), *counts) for addresses, *counts in stacks)
