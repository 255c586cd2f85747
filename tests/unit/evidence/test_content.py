"""What growing memory holds is read as the collector tells it, and a name stands out or does not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.content import Content
from offheap.evidence.content import RepeatedString, parse_content
from offheap.evidence.errors import EvidenceError


def region(**members: Any) -> dict[str, Any]:
    return {"start": "7f10", "size_bytes": 1 << 20, "rss_bytes": 1 << 20, "grown_bytes": 1 << 19} | members


def content(*regions: dict[str, Any]) -> dict[str, Any]:
    return {"method": "gdb", "version": "16.3", "pause_seconds": 0.06, "regions": list(regions)}


def test_what_the_collector_sums_up_is_read_back() -> None:
    summed = Content()
    for session in range(2000):
        summed.feed(
            b"\0" * 64 + b"SESSION-CONTEXT native handle owner=com.acme.ImageCache id=%d" % session + b"\0" * 64
        )
    found = parse_content(content(region(**summed.result())))
    assert (found.method, found.version, found.pause_seconds) == ("gdb", "16.3", 0.06)
    [read] = found.regions
    assert (read.start, read.grown_bytes, read.read_bytes) == (0x7F10, 1 << 19, summed.read_bytes)
    assert found.owner == "com.acme.ImageCache"
    assert found.main_string is not None
    assert found.main_string.prefix.startswith("SESSION-CONTEXT native handle")
    assert found.main_string.count > 1000


@pytest.mark.parametrize(
    ("names", "owner"),
    [
        ({"com.acme.Cache": 60, "com.acme.Other": 10}, "com.acme.Cache"),
        ({"com.acme.Cache": 60, "com.acme.Other": 59, "com.acme.Third": 30}, None),
        ({"com.acme.Cache": 49}, None),
        ({"java.lang.String": 900, "com.acme.Cache": 60}, "com.acme.Cache"),
        ({"java.lang.String": 900}, None),
        ({}, None),
    ],
)
def test_a_name_stands_out_or_does_not(names: dict[str, int], owner: str | None) -> None:
    assert parse_content(content(region(names=names))).owner == owner


def test_regions_are_taken_together() -> None:
    strings = [{"prefix": "a", "count": 9, "size_bytes": 100}, {"prefix": "b", "count": 2, "size_bytes": 900}]
    found = parse_content(
        content(
            region(names={"com.acme.A": 40}, magic={"png": 3}),
            region(names={"com.acme.A": 40}, magic={"png": 9}, strings=strings),
        )
    )
    assert found.owner == "com.acme.A"
    assert found.magic == (("png", 12),)
    assert found.main_string == RepeatedString("b", 2, 900)


@pytest.mark.parametrize(
    "data", [None, "text", {}, {"regions": {}}, content({}), content(region(start=7)), content(region(start="xyz"))]
)
def test_other_records_are_refused(data: object) -> None:
    with pytest.raises(EvidenceError):
        parse_content(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
)
MEMBERS = st.sampled_from(["start", "size_bytes", "entropy", "magic", "classes", "strings", "names", "zero_share"])


@given(st.lists(st.dictionaries(MEMBERS, JSON | st.dictionaries(st.text(max_size=5), JSON, max_size=3)), max_size=3))
def test_nothing_else_is_ever_raised(regions: list[dict[str, Any]]) -> None:
    with suppress(EvidenceError):
        found = parse_content(content(*(region(**each) for each in regions)))
        assert found.owner is None or found.owner
        assert found.magic is not None
