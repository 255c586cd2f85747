"""smaps and the classes of its mappings, on the address spaces of programs whose memory is known."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.mappings import MappingClass, MappingTotals, classify, totals
from offheap.evidence.smaps import Mapping, parse_rollup, parse_smaps, roll_up

SMAPS = Path(__file__).parents[2] / "fixtures" / "smaps"
MIB = 1 << 20
HEAP = ((0xFA000000, 0x100000000),)


def read(name: str) -> tuple[Mapping, ...]:
    return parse_smaps((SMAPS / f"smaps-{name}.txt").read_text())


def sums(name: str) -> MappingTotals:
    mappings = read(name)
    return totals(mappings, classify(mappings, () if "zgc" in name else HEAP))


@pytest.mark.parametrize(
    ("leak", "kind", "least_mib"),
    [
        ("direct", MappingClass.OTHER_ANON, 60),
        ("jmmap", MappingClass.OTHER_ANON, 60),
        ("jmalloc", MappingClass.ARENAS, 60),
        ("jfrag", MappingClass.ARENAS, 130),
        ("thread", MappingClass.STACKS, 10),
    ],
)
def test_a_leak_shows_in_its_class_and_only_there(leak: str, kind: MappingClass, least_mib: int) -> None:
    idle, leaking = sums("17-measured-idle"), sums(f"17-measured-{leak}")
    gain = leaking.of(kind).anonymous_bytes - idle.of(kind).anonymous_bytes
    assert gain >= least_mib * MIB
    others = [other for other in MappingClass if other is not kind]
    assert sum(leaking.of(other).anonymous_bytes - idle.of(other).anonymous_bytes for other in others) < 0.2 * gain


def test_a_full_arena_has_no_rest() -> None:
    """Seen on 17 with 60 MiB of Inflaters by one thread: the whole 64 MiB were writable."""
    text = "7f4a8c000000-7f4a90000000 rw-p 00000000 00:00 0 \nRss: 60912 kB\nAnonymous: 60912 kB\n"
    assert classify(parse_smaps(text)) == (MappingClass.ARENAS,)
    heap = text.replace("7f4a8c000000-7f4a90000000", "fc000000-100000000")
    assert classify(parse_smaps(heap)) == (MappingClass.OTHER_ANON,)
    assert classify(parse_smaps(heap), max_heap_bytes=64 * MIB) == (MappingClass.HEAP,)


def test_every_thread_has_a_stack() -> None:
    """120 threads were leaked; status counts 140 threads in one, 20 in the other."""
    stacks = [sums(f"17-measured-{name}").of(MappingClass.STACKS).count for name in ("idle", "thread")]
    assert stacks[1] - stacks[0] in range(115, 123)


@pytest.mark.parametrize(("name", "mappings"), [("17-measured-zgc-heap80MB", 3), ("25-measured-zgc-heap80MB", 1)])
def test_the_shared_heap_of_zgc_is_heap(name: str, mappings: int) -> None:
    heap = sums(name).of(MappingClass.HEAP)
    assert heap.count == mappings
    assert 78 * MIB < heap.pss_bytes < 90 * MIB
    assert sums(name).of(MappingClass.SHARED_MEMORY).rss_bytes == 0
    guessed = classify(read(name), (), 96 * MIB)
    assert guessed == classify(read(name))


def test_the_heap_is_found_without_the_jvm_telling() -> None:
    mappings = read("17-measured-direct")
    assert classify(mappings, (), 96 * MIB) == classify(mappings, HEAP)


def test_libraries_archive_and_code_are_told_apart() -> None:
    idle = sums("17-measured-idle")
    assert idle.of(MappingClass.CODE_CACHE).count == 3
    assert idle.of(MappingClass.CDS).rss_bytes > 8 * MIB
    assert idle.of(MappingClass.LIBRARIES).rss_bytes > 10 * MIB
    assert idle.of(MappingClass.CLASS_SPACE).size_bytes >= 1 << 30
    assert idle.of(MappingClass.MAPPED_FILES).rss_bytes < MIB


def test_reduced_and_whole_texts_say_the_same() -> None:
    text = (SMAPS / "smaps-17-measured-idle.txt").read_text()
    kept = ("Size:", "Rss:", "Pss:", "Private_Dirty:", "Anonymous:", "Swap:", "AnonHugePages:", "VmFlags:")
    reduced = [
        line
        for line in text.splitlines()
        if line[0] in "0123456789abcdef" or (line.startswith(kept) and not line.endswith(" 0 kB"))
    ]
    assert parse_smaps("\n".join(reduced)) == parse_smaps(text)


def test_the_sum_of_the_classes_is_the_sum_of_all() -> None:
    mappings = read("17-measured-thread")
    sheet = totals(mappings, classify(mappings, HEAP))
    assert sheet.anonymous_bytes == roll_up(mappings).anonymous_bytes


def test_a_mapping_that_grew_while_it_was_read_counts_once() -> None:
    row = "7f48e8000000-{} rw-p 00000000 00:00 0 \nRss: {} kB\nAnonymous: {} kB\n"
    (mapping,) = parse_smaps(row.format("7f48ea9c1000", 39732, 39732) + row.format("7f48ea9cb000", 39768, 39768))
    assert (mapping.end, mapping.anonymous_bytes) == (0x7F48EA9CB000, 39768 << 10)


def test_rollup() -> None:
    rollup = parse_rollup(
        "fa000000-7ffe rw-p 00000000 00:00 0    [rollup]\nRss: 10 kB\nPss: 8 kB\nPss_Anon: 4 kB\nAnonymous: 6 kB\n"
    )
    assert (rollup.rss_bytes, rollup.pss_bytes, rollup.pss_anon_bytes) == (10240, 8192, 4096)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("Rss: 1 kB\n", 1),
        ("1000-2000 rw-p 00000000 00:00 0 \nRss: 1 kB\nwhat is this\n", 3),
        ("2-1 rw-p 0 00:00 0\n", 1),
    ],
)
def test_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(EvidenceError) as caught:
        parse_smaps(text)
    assert caught.value.line == line


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_smaps, parse_rollup):
        with suppress(EvidenceError):
            parse(text)


EXCERPT = "\n".join((SMAPS / "smaps-17-measured-idle.txt").read_text().splitlines()[:130])


@given(st.integers(0, len(EXCERPT)), st.integers(0, 60), st.text(max_size=20))
def test_mutated_smaps_raises_nothing_else(start: int, length: int, new: str) -> None:
    with suppress(EvidenceError):
        mappings = parse_smaps(EXCERPT[:start] + new + EXCERPT[start + length :])
        totals(mappings, classify(mappings, HEAP))
