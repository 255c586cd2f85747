"""Growth that goes on is told from warm-up, steps, noise and restarts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.diagnosis.growth import Growth, Point, measure

FLOOR = 100.0


def points(values: list[float], step: float = 5.0, incarnation: tuple[int, int] = (1, 1)) -> list[Point]:
    return [Point(1000 + index * step, value, incarnation) for index, value in enumerate(values)]


def growth(values: list[float], step: float = 5.0) -> Growth:
    measured = measure(points(values, step))
    assert measured is not None
    return measured


def test_a_line_grows_by_its_slope() -> None:
    measured = growth([index * 50.0 for index in range(20)])
    assert measured.slope == pytest.approx(10)
    assert measured.low == pytest.approx(10)
    assert measured.grows(FLOOR)


def test_one_wild_reading_does_not_move_the_slope() -> None:
    values = [index * 50.0 for index in range(20)]
    values[10] = 1e6
    assert growth(values).slope == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 12 + [5000.0] * 12,
        [5000.0 * (1 - 0.8**index) for index in range(24)],
        [min(5000.0, index * 400.0) for index in range(24)],
        [5000.0 - index * 100.0 for index in range(24)],
        [(index % 6) * 900.0 for index in range(24)],
        [7.0] * 24,
    ],
    ids=["step", "warm-up", "pool that fills once", "shrinks", "breathes", "flat"],
)
def test_what_does_not_go_on_is_no_growth(values: list[float]) -> None:
    assert not growth(values).grows(FLOOR)


def test_a_leak_behind_a_warm_up_is_seen() -> None:
    values = [20_000.0 * (1 - 0.5**index) + index * 100 for index in range(24)]
    measured = growth(values)
    assert measured.grows(FLOOR)
    assert measured.slope == pytest.approx(20, rel=0.25)


def test_a_restart_is_joined_and_its_step_is_not_growth() -> None:
    before, after = [index * 50.0 for index in range(12)], [index * 50.0 for index in range(12)]
    joined = points(before, incarnation=(1, 1)) + [
        Point(point.at + 100, point.value, (2, 2)) for point in points(after)
    ]
    measured = measure(joined)
    assert measured is not None
    assert measured.slope == pytest.approx(10)
    assert measured.grows(FLOOR)
    drifting = points([500.0] * 12) + [Point(point.at + 100, 9000.0, (2, 2)) for point in points([0.0] * 12)]
    flat = measure(drifting)
    assert flat is not None
    assert flat.slope == 0


def test_few_readings_prove_nothing() -> None:
    assert measure([]) is None
    assert measure(points([1.0])) is None
    two = growth([0.0, 5000.0])
    assert two.exceeds(FLOOR)
    assert not two.grows(FLOOR)


def test_readings_of_one_moment_do_not_divide_by_zero() -> None:
    assert measure([Point(1, 5), Point(1, 6)]) is None


@given(st.lists(st.floats(-FLOOR / 2, FLOOR / 2), min_size=2, max_size=60))
def test_noise_below_the_floor_never_grows(noise: list[float]) -> None:
    assert not growth(noise).grows(FLOOR)


@given(st.lists(st.floats(-FLOOR / 2, FLOOR / 2), min_size=16, max_size=40), st.integers(0, 99))
def test_noise_below_the_floor_hides_no_leak_and_order_does_not_matter(noise: list[float], seed: int) -> None:
    values = [index * FLOOR + extra for index, extra in enumerate(noise)]
    measured = growth(values)
    assert measured.grows(FLOOR)
    shuffled = points(values)
    random.Random(seed).shuffle(shuffled)
    assert measure(shuffled) == measured
