"""Open descriptors as the collector counts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.descriptors import Descriptors, parse_descriptors
from offheap.evidence.errors import EvidenceError

RECORD = {"count": 9, "limit": 1024, "kinds": {"file": 3, "socket": 6}, "deleted_files": 1}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RECORD, "other"]), inner, max_size=4),
    max_leaves=8,
)


def test_the_commonest_kind_comes_first() -> None:
    assert parse_descriptors(RECORD) == Descriptors(9, 1024, (("socket", 6), ("file", 3)), 1)
    assert parse_descriptors({**RECORD, "limit": None}).limit is None


@pytest.mark.parametrize("wrong", [{"count": -1}, {"kinds": []}, {"kinds": {"file": True}}, {"limit": "many"}])
def test_what_is_no_count_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        parse_descriptors({**RECORD, **wrong})


@given(JSON)
def test_any_record_is_read_or_refused(data: object) -> None:
    try:
        parse_descriptors(data)
    except EvidenceError:
        return
