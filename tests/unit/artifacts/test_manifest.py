"""A manifest is read back as written; whatever else lies in a bucket is none."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.artifacts.manifest import (
    About,
    Dropped,
    Entry,
    Key,
    Manifest,
    Pod,
    StreamNote,
    merged,
    read_manifest,
    write_manifest,
)

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
KEY = Key("shop", "orders", "6f1c2a34-0000-4000-8000-000000000001")
ENTRIES = st.lists(
    st.builds(
        Entry,
        name=st.text(),
        kind=st.text(),
        size_bytes=st.integers(0, 1 << 40),
        sha256=st.text("0123456789abcdef"),
        source=st.text(),
    ),
    max_size=4,
)


@given(ENTRIES, st.none() | st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_what_was_written_is_read_back(entries: list[Entry], ttl: timedelta | None) -> None:
    expires = None if ttl is None else (NOW + ttl).replace(microsecond=0)
    manifest = Manifest(KEY, NOW, expires, files=tuple(entries))
    assert read_manifest(write_manifest(manifest)) == manifest


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_anything_else_is_none_and_no_exception(data: bytes) -> None:
    assert read_manifest(data) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.sampled_from(["investigation", "created", "expires", "files", "version"]), JSON)
def test_a_manifest_with_a_field_spoilt_raises_nothing(field: str, value: object) -> None:
    document = json.loads(write_manifest(Manifest(KEY, NOW, NOW, files=(Entry("a", "text", 1, "00"),))))
    read_manifest(json.dumps(document | {field: value}).encode())


def test_it_says_what_was_dropped_and_which_stream_has_gaps() -> None:
    note = StreamNote(
        "offheap-sample-1", "Sample", "orders-0", "", 12, 1.0, 2.0, ((3, 4),), 0, "The stream has no end."
    )
    about = About((Pod("orders-0", "u1"),), (note,))
    manifest = Manifest(KEY, NOW, None, about, (), (Dropped("big.jfr", "jfr", 99, "over the budget"),))
    document = json.loads(write_manifest(manifest))
    assert document["expires"] is None
    assert document["created"] == "2026-05-04T03:02:01Z"
    assert document["pods"] == [{"name": "orders-0", "uid": "u1"}]
    assert document["streams"][0]["gaps"] == [[3, 4]]
    assert document["dropped"] == [{"name": "big.jfr", "kind": "jfr", "size_bytes": 99, "reason": "over the budget"}]


def test_what_an_earlier_save_stored_stays_listed() -> None:
    old, new, other = Entry("a", "text", 1, "00"), Entry("a", "text", 2, "11"), Entry("b", "text", 3, "22")
    assert merged([new], [old, other]) == (new, other)


@pytest.mark.parametrize("expires", ["tomorrow", 7, "2026-05-04T03:02:01"])
def test_a_time_that_is_none_makes_no_manifest(expires: object) -> None:
    document = json.loads(write_manifest(Manifest(KEY, NOW, NOW)))
    assert read_manifest(json.dumps(document | {"expires": expires}).encode()) is None
