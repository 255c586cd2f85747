"""malloc_info and the answers to a trim: retention and leak must be told apart by their numbers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence import malloc_info
from offheap.evidence.errors import EvidenceError
from offheap.evidence.malloc_info import MallocInfo, parse_malloc_info
from offheap.evidence.trim import Trim, TrimAnswer, parse_trim
from tests.unit.evidence.mutation import mutated

TEXTS = {path.name: path.read_text() for path in sorted((Path(__file__).parents[2] / "fixtures" / "malloc").iterdir())}
MALLOC_INFOS = [text for name, text in TEXTS.items() if name.startswith("mallocinfo")]
TRIMS = [text for name, text in TEXTS.items() if name.startswith("trim")]
KIB, MIB = 1 << 10, 1 << 20


@pytest.mark.parametrize(
    ("name", "free_bytes", "system_bytes", "free_share"),
    [
        ("mallocinfo-21-measured-idle.txt", 1975430, 4517888, 0.44),
        ("mallocinfo-21-measured-jfrag.txt", 164082813, 170860544, 0.96),
        ("mallocinfo-21-measured-jmalloc.txt", 1788661, 71307264, 0.03),
        ("mallocinfo-25-measured-idle.txt", 1711156, 4435968, 0.39),
        ("mallocinfo-25-measured-inflater.txt", 1655475, 66211840, 0.03),
        ("mallocinfo-25-measured-jfrag.txt", 164126317, 170700800, 0.96),
        ("mallocinfo-25-measured-jmalloc.txt", 2714347, 72101888, 0.04),
    ],
)
def test_malloc_info_numbers(name: str, free_bytes: int, system_bytes: int, free_share: float) -> None:
    info = parse_malloc_info(TEXTS[name])
    assert [arena.number for arena in info.arenas] == list(range(16))
    assert (info.total.free_bytes, info.total.system_bytes) == (free_bytes, system_bytes)
    assert (info.total.mmap_count, info.total.mmap_bytes) == (7, 5378048)
    assert info.total.free_share == pytest.approx(free_share, abs=0.006)
    assert info.total.used_bytes == system_bytes - free_bytes + 5378048
    assert sum(arena.system_bytes for arena in info.arenas) == system_bytes
    assert sum(arena.free_bytes for arena in info.arenas) == free_bytes


def test_arenas_are_read_apart() -> None:
    main, second, third = parse_malloc_info(TEXTS["mallocinfo-21-measured-idle.txt"]).arenas[:3]
    assert (main.rest_count, main.rest_bytes, main.system_bytes, main.subheaps) == (1, 123920, 290816, 0)
    assert (second.rest_bytes, second.system_max_bytes, second.subheaps) == (81170, 135168, 1)
    assert third.system_bytes == 1384448


def malloc(inner: str) -> str:
    return f'<malloc version="1">\n{inner}<system type="current" size="1"/>\n</malloc>\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("1:\nSystem.native_heap_info is not available\n", 1),
        ('7:\n<malloc version="1">\n<heap nr="0">\n', 4),
        ("7:\n" + malloc('<heap nr="x">\n</heap>\n'), 3),
        ("7:\n" + malloc('<heap nr="0">\n<total type="rest" count="-1" size="1"/>\n</heap>\n'), 4),
        (malloc('<heap nr="0"><heap nr="1"></heap></heap>'), 2),
        (malloc("<heap>\n</sizes>\n</heap>\n"), 2),
        (malloc("<a>" * 20 + "</a>" * 20), 2),
        (malloc("&bomb;"), 2),
        (malloc("<?run me?>"), 2),
        ('<malloc version="1">\n</malloc>', 1),
    ],
)
def test_malloc_info_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_malloc_info(text)
    assert error.value.line == line


def test_declarations_are_never_read() -> None:
    """Whatever stands before <malloc> is not given to the XML reader, so it cannot declare an entity."""
    declared = '<!DOCTYPE malloc [<!ENTITY bomb "0000">]>\n' + malloc('<heap nr="&bomb;"></heap>')
    with pytest.raises(EvidenceError):
        parse_malloc_info(declared)
    with pytest.raises(EvidenceError):
        parse_malloc_info(malloc('<!DOCTYPE malloc [<!ENTITY bomb "0000">]>'))


def test_a_text_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc_info, "MAX_CHARACTERS", 30)
    with pytest.raises(EvidenceError, match="more than 30 characters"):
        parse_malloc_info(malloc(""))


@pytest.mark.parametrize(
    ("name", "before", "after", "change"),
    [
        ("trim-11-measured-jfrag.txt", 197492 * KIB, 53044 * KIB, -144448 * KIB),
        ("trim-11-measured-jmalloc.txt", 97408 * KIB, 93352 * KIB, -4056 * KIB),
        ("trim-17-measured-jfrag.txt", 198 * MIB, 58964 * KIB, -140 * MIB),
        ("trim-17-measured-jmalloc.txt", 100 * MIB, 100 * MIB, -57344),
        ("trim-21-measured-jfrag.txt", 201 * MIB, 62532 * KIB, -140 * MIB),
        ("trim-25-measured-jfrag.txt", 204 * MIB, 65876 * KIB, -139 * MIB),
        ("trim-25-measured-jmalloc.txt", 105 * MIB, 102 * MIB, -2988 * KIB),
    ],
)
def test_trim_numbers(name: str, before: int, after: int, change: int) -> None:
    trim = parse_trim(TEXTS[name])
    assert trim == Trim(before, after, change)
    assert trim.returned_bytes == -change


def test_trim_that_grew_and_trim_without_sizes() -> None:
    grown = parse_trim("Trim native heap: RSS+Swap: 100K->1G (+12B)")
    assert grown == Trim(100 * KIB, 1 << 30, 12)
    assert grown.returned_bytes == 0
    assert parse_trim("7:\nTrim native heap: (no details available).\n") is TrimAnswer.NO_DETAILS
    assert parse_trim("7:\nNot available.\n") is TrimAnswer.NOT_AVAILABLE
    swapped = "RSS before: 10k, after: 4k, (-6k)\nSwap before: 5k, after: 6k, (1k)\n"
    assert parse_trim(swapped) == Trim(15 * KIB, 10 * KIB, -5 * KIB)
    with pytest.raises(EvidenceError):
        parse_trim("java.lang.IllegalArgumentException: Unknown diagnostic command")


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_malloc_info, parse_trim):
        with suppress(EvidenceError):
            parse(text)
    with suppress(EvidenceError):
        parse_malloc_info(f'<malloc version="1">{text}</malloc>')


@given(mutated(MALLOC_INFOS, '0123456789<>/="heapnrtotal &#x;!['))
def test_mutated_malloc_infos_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        info = parse_malloc_info(text)
        assert isinstance(info, MallocInfo)
        assert 0 <= info.total.free_share <= 1


@given(mutated(TRIMS))
def test_mutated_trims_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_trim(text)
