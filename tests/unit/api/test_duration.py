import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("500ms", 0.5), ("15s", 15), ("10m", 600), ("1.5h", 5400), ("1h30m", 5400), ("1h1m1s1ms", 3661.001)],
)
def test_reads_what_people_write(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "5", "1 m", "PT1M", "1 day", "1d", "-5s", "+5s", "5us", ".5s", "1m\n", "٣s", "1h" * 20]
)
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0s"),
        (0.0001, "0ms"),
        (0.25, "250ms"),
        (0.9999, "1s"),
        (1.5, "1.5s"),
        (59.999, "1m"),
        (600, "10m"),
        (630, "10m30s"),
        (3599.9, "1h"),
        (7800, "2h10m"),
        (90061, "25h1m"),
    ],
)
def test_writes_for_people(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@pytest.mark.parametrize("seconds", [-1, math.inf, math.nan])
def test_no_length_of_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="not a length of time"):
        format_duration(seconds)


@given(st.floats(0, 1e9))
def test_what_is_written_is_read_again_as_exactly_as_it_was_shown(seconds: float) -> None:
    shown_to = 0.0005 if seconds < 1 else 0.005 if seconds < 60 else 0.5 if seconds < 3600 else 30
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=shown_to * 1.001)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_duration(text) >= 0
