"""When a text was taken, as far as it, or the name of its file, says so. Times without a zone are taken as UTC.

Only whole times count, date and time of day: the rest cannot be put in order with others.
"""

from __future__ import annotations

import re
from calendar import month_abbr
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)[T _-]([0-2]\d)[:._-]?([0-5]\d)[:._-]?([0-5]\d)(?:[.,](\d{1,6}))?"
    r"(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d))?(?!\d)",
    re.ASCII,
)
_DATE = re.compile(
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +"
    r"(?:[A-Z]{2,5} +)?(20\d\d)\b",
    re.ASCII,
)
"""The answer of `date` in the C locale."""
_EPOCH = re.compile(r"(?<!\d)(1[4-9]\d{8}|2[0-4]\d{8})(?!\d)", re.ASCII)
_MONTHS = {name: at for at, name in enumerate(month_abbr) if name}
_MARKUP = " \r\n\t=#-*[]<>|"


def time_in_name(name: str) -> float | None:
    """From a file's name: a date and time, or ten digits of unix seconds. None: it holds none."""
    found = last_time_in(name)
    if found is not None:
        return found
    epoch = _EPOCH.search(name)
    return float(epoch[1]) if epoch else None


def last_time_in(text: str) -> float | None:
    """The last whole time in a text, unix seconds."""
    times = list(_times(text))
    return max(times)[1] if times else None


def time_line(line: str) -> float | None:
    """The time of a line that holds nothing but it, as `date` prints between two answers."""
    bare = line.strip(_MARKUP)
    if not 14 <= len(bare) <= 60:
        return None
    for pattern in (_ISO, _DATE):
        if pattern.fullmatch(bare):
            return last_time_in(bare)
    return None


def _times(text: str) -> Iterator[tuple[int, float]]:
    for found in _ISO.finditer(text):
        year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
        at = _at(year, month, day, hour, minute, second, _zone(found[8]))
        if at is not None:
            yield found.start(), at + (float(f"0.{found[7]}") if found[7] else 0.0)
    for found in _DATE.finditer(text):
        day, hour, minute, second = (int(found[group]) for group in range(2, 6))
        at = _at(int(found[6]), _MONTHS.get(found[1], 0), day, hour, minute, second)
        if at is not None:
            yield found.start(), at


def _zone(text: str | None) -> timezone:
    if text is None or text in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes)) if minutes < 24 * 60 else UTC


def _at(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: timezone = UTC) -> float | None:
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except ValueError:
        return None
