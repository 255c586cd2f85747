"""The reference pages say what the code says."""

from __future__ import annotations

import pytest

from docs.generate import REFERENCE, pages
from tests.matrix.__main__ import PAGE


@pytest.mark.parametrize("name", pages())
def test_a_page_is_what_the_code_makes_of_it(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_there_is_no_other_page() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == {*pages(), PAGE.name}
