from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.quantity import format_bytes, parse_quantity

MI = 1 << 20
GI = 1 << 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (1024, 1024),
        ("0", 0),
        ("1024", 1024),
        ("256Mi", 256 * MI),
        ("1.5Gi", GI * 3 // 2),
        (".5Ki", 512),
        ("2.", 2),
        ("500M", 500_000_000),
        ("12k", 12_000),
        ("1e9", 10**9),
        ("1e007", 10**7),
        ("1E3", 1000),
        ("1E", 10**18),
        ("-1Mi", -MI),
        ("+1Mi", MI),
        ("1500m", 2),
        ("-1500m", -1),
        ("1n", 1),
        ("7Ei", 7 << 60),
    ],
)
def test_reads_what_kubernetes_writes(text: str | int, expected: int) -> None:
    assert parse_quantity(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Mi", "12MB", "1 Gi", "1,5Gi", "0x10", "1_000", "١٢", "1e", "1e1000", "--1", "1Gi\n", "inf", "9" * 41]
)
def test_refuses_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["8Ei", "1e19", "-9223372036854775808"])
def test_refuses_more_than_64_bits(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (512, "512"),
        (1023, "1023"),
        (1024, "1Ki"),
        (GI, "1Gi"),
        (GI * 3 // 2, "1.5Gi"),
        (1536 * MI + 1, "1.5Gi"),
        (412 * MI + 12345, "412Mi"),
        (-12.4 * MI, "-12.4Mi"),
        (1023.7 * MI, "1Gi"),
        (999.96 * MI, "1000Mi"),
        (-0.4, "0"),
        (2**63 - 1, "8Ei"),
    ],
)
def test_writes_for_people(value: float, expected: str) -> None:
    assert format_bytes(value) == expected


@given(st.integers(-(2**62), 2**62))
def test_what_is_written_is_read_again_with_three_digits(value: int) -> None:
    assert abs(parse_quantity(format_bytes(value)) - value) <= abs(value) * 0.005 + 1


@given(st.integers(0, 999), st.sampled_from(["", "Ki", "Mi", "Gi", "Ti"]))
def test_whole_units_stay_as_they_are(count: int, unit: str) -> None:
    text = f"{count}{unit}" if count else "0"
    assert format_bytes(parse_quantity(text)) == text


@given(st.text(max_size=50))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert abs(parse_quantity(text)) < 2**63
