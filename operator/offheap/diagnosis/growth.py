"""Does a series grow, how fast, and is it more than warm-up or noise?

Robust on purpose, for the series are short, start just after a JVM did, and breathe:

- the slope is Theil-Sen's (median of the slopes of all pairs), with Sen's confidence interval from Kendall's variance;
  pairs never span a restart of the process, so several runs of it join without their steps;
- the first part of each run is cut: class loading and compilation end there, and their decay would look like growth;
- a leak goes on: the rest is parted into segments, every one must add its share, and no single reading may make most of
  the rise. A step, a pool that fills once and a warm-up that fades all fail that, and so does what glibc keeps of one
  large compilation (measured: 14 MiB from one sample to the next);
- what rises by less than the noise floor does not grow. The rise is taken between medians of the first and the last
  third, so noise below the floor can never reach it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

MIN_SAMPLES = 6
"""Below it neither an interval nor segments mean anything; proposals of the field start at five."""
_WARM_UP_SHARE = 0.25
_WARM_UP_MAX_SECONDS = 600.0
_MIN_RUN_FOR_CUT = 8
_SEGMENT_SHARE = 0.25
"""What each segment must add, as a part of the mean of all: a decay by more than this per segment is no leak."""
_STEP_SHARE = 0.5
"""The most that one reading may add, as a part of the whole rise."""
_Z_95 = 1.96
_MAX_POINTS = 60
"""More points are brought to medians of neighbours: Theil-Sen is quadratic, and the medians quieten the noise."""

Incarnation = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """One reading: unix seconds, value, and which process it was read from."""

    at: float
    value: float
    incarnation: Incarnation = (0, 0)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a series moves after warm-up. Slopes in units a second, [low, high] the 95 % interval.

    `rise` is from the first third's median to the last third's; `gain` the slope over the whole window.
    """

    slope: float
    low: float
    high: float
    rise: float
    gain: float
    samples: int
    seconds: float
    sustained: bool

    def exceeds(self, floor: float) -> bool:
        """It rose by more than the floor, whether or not it goes on."""
        return self.rise > floor

    def grows(self, floor: float) -> bool:
        """It rose by more than the floor, certainly, and goes on."""
        return self.sustained and self.low > 0 and self.rise > floor


def measure(points: Sequence[Point]) -> Growth | None:
    """Growth of a series in any order of its points. None for fewer than two points or no time between them."""
    runs = [_thinned(_without_warm_up(run)) for run in _runs(points)]
    runs = [run for run in runs if len(run) >= 2 and run[-1].at > run[0].at]
    if not runs:
        return None
    slopes = sorted(
        (later.value - earlier.value) / (later.at - earlier.at)
        for run in runs
        for index, earlier in enumerate(run)
        for later in run[index + 1 :]
        if later.at > earlier.at
    )
    longest = max(runs, key=lambda run: (len(run), run[-1].at))
    seconds = sum(run[-1].at - run[0].at for run in runs)
    slope = median(slopes)
    low, high = _interval(slopes, [len(run) for run in runs])
    return Growth(
        slope=slope,
        low=low,
        high=high,
        rise=_rise(longest),
        gain=slope * seconds,
        samples=sum(len(run) for run in runs),
        seconds=seconds,
        sustained=_is_sustained(longest),
    )


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Points by process, each in the order of time; of several readings at one time, the median."""
    runs: dict[Incarnation, dict[float, list[float]]] = {}
    for point in points:
        runs.setdefault(point.incarnation, {}).setdefault(point.at, []).append(point.value)
    return [
        [Point(at, median(values), incarnation) for at, values in sorted(readings.items())]
        for incarnation, readings in sorted(runs.items())
    ]


def _without_warm_up(run: list[Point]) -> list[Point]:
    if len(run) < _MIN_RUN_FOR_CUT:
        return run
    start = run[0].at
    cut = min((run[-1].at - start) * _WARM_UP_SHARE, _WARM_UP_MAX_SECONDS)
    rest = [point for point in run if point.at - start >= cut]
    return rest if len(rest) >= MIN_SAMPLES else run[-MIN_SAMPLES:]


def _thinned(run: list[Point]) -> list[Point]:
    if len(run) <= _MAX_POINTS:
        return run
    width = math.ceil(len(run) / _MAX_POINTS)
    groups = [run[start : start + width] for start in range(0, len(run), width)]
    return [
        Point(median(point.at for point in group), median(point.value for point in group), group[0].incarnation)
        for group in groups
    ]


def _interval(slopes: list[float], lengths: list[int]) -> tuple[float, float]:
    """Sen's interval of the median slope, without ties; all slopes when there are too few for it."""
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in lengths)
    reach = _Z_95 * math.sqrt(variance)
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    return slopes[low], slopes[high]


def _rise(run: list[Point]) -> float:
    third = max(1, len(run) // 3)
    return median(point.value for point in run[-third:]) - median(point.value for point in run[:third])


def _is_sustained(run: list[Point]) -> bool:
    if len(run) < MIN_SAMPLES:
        return False
    parts = 4 if len(run) >= 8 else 3
    bounds = [round(index * len(run) / parts) for index in range(parts + 1)]
    levels = [median(point.value for point in run[bounds[index] : bounds[index + 1]]) for index in range(parts)]
    total = levels[-1] - levels[0]
    steps = [later - earlier for earlier, later in pairwise(levels)]
    leap = max(later.value - earlier.value for earlier, later in pairwise(run))
    return (
        total > 0 and leap <= _STEP_SHARE * total and all(step >= _SEGMENT_SHARE * total / len(steps) for step in steps)
    )
