"""No name that a target chooses leads out of its folder, hides a file, or takes another's place."""

import re

from hypothesis import given
from hypothesis import strategies as st

from offheap.artifacts.names import BEGUN, MANIFEST, Names, path, word

_WORD = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,254}")


@given(st.text())
def test_a_word_is_one_plain_part_of_a_path(text: str) -> None:
    assert _WORD.fullmatch(word(text))
    assert word(word(text)) == word(text)


@given(st.text())
def test_a_path_stays_inside_and_is_nobody_elses(text: str) -> None:
    clean = path(text)
    parts = clean.split("/")
    assert len(parts) <= 2
    assert all(_WORD.fullmatch(part) for part in parts)
    assert clean not in (MANIFEST, BEGUN)
    assert path(clean) == clean


def test_what_climbs_becomes_a_word() -> None:
    assert path("../../etc/passwd") == "_../_.._etc_passwd"
    assert path("/etc/shadow") == "etc/shadow"
    assert path("jemalloc/..") == "jemalloc/_.."
    assert path("") == "_"
    assert path("manifest.json") == "_manifest.json"


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=40)), max_size=12))
def test_every_file_has_a_name_of_its_own(wanted: list[tuple[str, str]]) -> None:
    names = Names()
    taken = [names.take(stem, ending) for stem, ending in wanted]
    assert len(set(taken)) == len(taken)
    assert all(path(name) == name for name in taken), "the store would call it otherwise"


def test_the_second_of_a_name_is_numbered() -> None:
    names = Names()
    assert [names.take("nmt/summary@3", ".txt") for _ in range(3)] == [
        "nmt/summary@3.txt",
        "nmt/summary@3.2.txt",
        "nmt/summary@3.3.txt",
    ]
    assert names.take("manifest", ".json") != MANIFEST
