"""Whose the memory is: a guess that says how sure it is, and none where nothing stands out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.content import MemoryContent, parse_content
from offheap.evidence.owner_guess import OwnerGuess, guess_owner

MIB = 1 << 20


def content(**region: Any) -> MemoryContent:
    whole = {"start": "7f0000000000", "size_bytes": 8 * MIB, "rss_bytes": 8 * MIB, "read_bytes": MIB, **region}
    return parse_content({"method": "proc-mem", "pause_seconds": 0, "regions": [whole]})


def rows(prefix: str, count: int) -> list[dict[str, Any]]:
    return [{"prefix": prefix, "count": count, "size_bytes": 128 * count}]


@pytest.mark.parametrize(
    ("region", "owner", "confidence"),
    [
        (
            {
                "names": {"com.acme.ImageCache": 8000, "java.lang.String": 9000},
                "strings": rows("SESSION-CONTEXT native handle owner=com.acme.ImageCache id=#", 8000),
            },
            "com.acme.ImageCache",
            "High",
        ),
        ({"names": {"com.acme.ImageCache": 8000, "com.acme.Other": 10}}, "com.acme.ImageCache", "Medium"),
        ({"names": {"com.acme.ImageCache": 60, "org.other.Thing": 50}}, "com.acme.ImageCache", "Medium"),
        (
            {"names": {"com.acme.orders.A": 40, "com.acme.orders.B": 40, "com.acme.orders.sub.C": 40, "org.x.y.D": 10}},
            "com.acme.orders.*",
            "Medium",
        ),
        ({"magic": {"jar": 900, "png": 2}, "classes": {"jar-entry": 3000}}, "java.util.zip.ZipFile", "Low"),
        ({"magic": {"class": 80}, "names": {"java.util.jar.JarFile": 3}}, "java.util.jar.JarFile", "Low"),
    ],
)
def test_the_owner_and_how_sure(region: dict[str, Any], owner: str, confidence: str) -> None:
    guess = guess_owner(content(**region))
    assert guess is not None
    assert (guess.owner, guess.confidence) == (owner, confidence)
    assert guess.because
    assert not guess.because.endswith(".")


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"names": {"java.lang.String": 9000}},
        {"names": {"com.acme.ImageCache": 49}},
        {"names": {"com.acme.A": 60, "org.other.B": 60, "net.third.C": 60}},
        {"magic": {"jar": 3}},
    ],
)
def test_where_nothing_stands_out_nobody_is_named(region: dict[str, Any]) -> None:
    assert guess_owner(content(**region)) is None


def test_the_same_content_gives_the_same_owner_whatever_read_it() -> None:
    region = {"start": "7f0000000000", "size_bytes": 8 * MIB, "read_bytes": MIB, "names": {"com.acme.ImageCache": 8000}}
    looks = [
        parse_content({"method": method, "pause_seconds": pause, "regions": [region]})
        for method, pause in (("proc-mem", 0), ("gdb", 0.046))
    ]
    first, second = map(guess_owner, looks)
    assert first is not None
    assert first == second


names = st.dictionaries(
    st.from_regex(r"([a-z]{1,5}\.){1,4}[A-Z][a-z]{0,6}", fullmatch=True) | st.text(max_size=20),
    st.integers(0, 10**6),
    max_size=12,
)


@given(st.lists(names, max_size=4), st.dictionaries(st.sampled_from(["jar", "class", "png"]), st.integers(0, 100)))
def test_any_counts_give_a_guess_or_none(regions: list[dict[str, int]], magic: dict[str, int]) -> None:
    data = [{"start": "1000", "size_bytes": 1, "names": one, "magic": magic} for one in regions]
    look = parse_content({"method": "gdb", "regions": data})
    guess = guess_owner(look)
    assert guess is None or isinstance(guess, OwnerGuess)
    if guess is not None and guess.confidence != "Low":
        assert any(name.startswith(guess.owner.removesuffix(".*")) for one in regions for name in one)
    if look.owner is not None:
        assert guess is not None
        assert guess.owner == look.owner
