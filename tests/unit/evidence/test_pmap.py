"""Texts of pmap in its three forms, of JVMs and of a program that sleeps."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.pmap import PmapMapping, parse_pmap
from tests.unit.evidence.mutation import mutated

TEXTS = {path.name: path.read_text() for path in sorted((Path(__file__).parents[2] / "fixtures" / "pmap").iterdir())}
KIB = 1 << 10


@pytest.mark.parametrize(
    ("name", "pid", "size_kib", "rss_kib", "dirty_kib"),
    [
        ("pmapx-17-measured-jfrag.txt", 16309, 2708500, 203240, 181964),
        ("pmapx-17-measured-mmap.txt", 13112, 2735604, 100428, 16848),
    ],
)
def test_extended_texts_add_up_to_their_totals(
    name: str, pid: int, size_kib: int, rss_kib: int, dirty_kib: int
) -> None:
    pmap = parse_pmap(TEXTS[name])
    assert (pmap.pid, pmap.unread_lines) == (pid, ())
    assert (pmap.total_size_bytes, pmap.total_rss_bytes, pmap.total_dirty_bytes) == (
        size_kib * KIB,
        rss_kib * KIB,
        dirty_kib * KIB,
    )
    assert sum(mapping.size_bytes for mapping in pmap.mappings) == size_kib * KIB
    assert sum(mapping.rss_bytes or 0 for mapping in pmap.mappings) == rss_kib * KIB
    assert sum(mapping.dirty_bytes or 0 for mapping in pmap.mappings) == dirty_kib * KIB


def test_what_was_touched_between_two_texts() -> None:
    before, after = (parse_pmap(TEXTS[f"pmapx-11-brice-directbuffers-{number}.txt"]) for number in (1, 2))
    assert (before.pid, len(before.mappings), before.total_size_bytes) == (485, 11, None)
    assert before.mappings[0] == PmapMapping(0xE0E00000, 32768 * KIB, "rw-p", "", 19992 * KIB, 19992 * KIB)
    known = {mapping.start for mapping in before.mappings}
    appeared = [mapping for mapping in after.mappings if mapping.start not in known]
    assert max(mapping.rss_bytes or 0 for mapping in appeared) == 442476 * KIB


def test_a_prompt_before_the_text() -> None:
    pmap = parse_pmap(TEXTS["pmapx-11-brice-head.txt"])
    assert pmap.pid == 7
    assert pmap.unread_lines == (1,)
    native = next(mapping for mapping in pmap.mappings if mapping.start == 0x55BAC569C000)
    assert (native.size_bytes, native.rss_bytes) == (455704 * KIB, 438268 * KIB)


def test_plain_and_detailed_texts_of_one_process() -> None:
    plain, detailed = parse_pmap(TEXTS["pmap-measured-sleep.txt"]), parse_pmap(TEXTS["pmapX-measured-sleep.txt"])
    assert plain.pid == detailed.pid
    for pmap in (plain, detailed):
        assert pmap.total_size_bytes == sum(mapping.size_bytes for mapping in pmap.mappings)
    assert [mapping.start for mapping in plain.mappings] == [mapping.start for mapping in detailed.mappings]
    assert [mapping.mode for mapping in plain.mappings] == [mapping.mode for mapping in detailed.mappings]
    assert plain.unread_lines == detailed.unread_lines == ()
    assert plain.mappings[0].rss_bytes is None
    assert sum(mapping.rss_bytes or 0 for mapping in detailed.mappings) == detailed.total_rss_bytes
    assert {"[stack]", "sleep", ""} <= {mapping.name for mapping in detailed.mappings}
    assert {"[stack]", "sleep", ""} <= {mapping.name for mapping in plain.mappings}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("1:   java\n", 1),
        ("1:   java\n00000000e0e00000   32768   19992 rw---   [ anon ]\n", 2),
        ("00000000e0e00000   4K rw---   [ anon ]\n2:   java\n", 2),
        ("         Address Perm   Offset Device  Inode Size KernelPageSize VmFlags Mapping\n", 1),
        (
            "         Address Perm   Offset Device  Inode Size Rss Mapping\n    5561a1f2a000 r--p 00000000  fe:00 24 8\n",
            2,
        ),
    ],
)
def test_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_pmap(text)
    assert error.value.line == line


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_pmap(text)
    with suppress(EvidenceError):
        parse_pmap(f"Address Perm Offset Device Inode Size {text} Mapping\n00001000 r--p 0 0:0 1 {text}\n {text} KB")


@given(mutated([text[:900] + text[-300:] for text in TEXTS.values()], "0123456789abcdef rw-xspK[]kB:="))
def test_mutated_texts_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_pmap(text)
