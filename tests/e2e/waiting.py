"""Bounded waits that say, when they fail, what was awaited and what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    what: str, look: Callable[[], tuple[T | None, str]], timeout_seconds: float, every_seconds: float = 2
) -> T:
    """Looks until there is a value. ``look`` returns the value, or None, and a line on what it saw."""
    start = time.monotonic()
    while True:
        value, seen = look()
        if value is not None:
            return value
        waited = time.monotonic() - start
        if waited > timeout_seconds:
            raise AssertionError(f"{what}: not within {waited:.0f} s; last seen: {seen}")
        time.sleep(every_seconds)
