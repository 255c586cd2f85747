"""Durations as Kubernetes users write them (Go's way, without signs) as seconds and back."""

import math
import re

PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""What the apiserver accepts as well: the rules of the CRD are made of it."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_MAX_TEXT = 32


def parse_duration(text: str) -> float:
    """`500ms`, `15s`, `1.5h`, `1h30m` as seconds. Raises ValueError for anything else."""
    if len(text) > _MAX_TEXT or not re.fullmatch(PATTERN.strip("^$"), text):
        raise ValueError(f"not a duration: {text[:_MAX_TEXT]!r}; write for example 500ms, 15s, 10m or 1h30m")
    return math.fsum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Seconds for people, in at most two units: `250ms`, `1.5s`, `10m30s`, `2h10m`; hours are the largest unit.

    Rounded to a millisecond below a second, to a hundredth below a minute, to a second below an hour, else to a minute.
    Raises ValueError for negative and infinite times.
    """
    if not 0 <= seconds < math.inf:
        raise ValueError(f"not a length of time: {seconds}")
    if 0 < seconds < 0.9995:
        return f"{round(seconds * 1000)}ms"
    if seconds < 59.995:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + "s"
    if seconds < 3599.5:
        return _two_units(round(seconds), "m", "s")
    return _two_units(round(seconds / 60), "h", "m")


def _two_units(amount: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, 60)
    return f"{whole}{large}" + (f"{rest}{small}" if rest else "")
