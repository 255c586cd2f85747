"""Spreads the stream's bytes over the whole time, so that a long run does not end half-way with a full budget."""

from __future__ import annotations

import math


class Ration:
    """Learns from what the instants so far have cost. Bytes."""

    def __init__(self) -> None:
        self._plain_bytes = 0
        self._bulk_bytes = 0
        self._since_bulk = 0

    def learn(self, plain_bytes: int, bulk_bytes: int) -> None:
        """Sizes grow with the target, so the largest so far is what the next is taken to be."""
        self._plain_bytes = max(self._plain_bytes, plain_bytes)
        self._bulk_bytes = max(self._bulk_bytes, bulk_bytes)
        self._since_bulk = 0 if bulk_bytes else self._since_bulk + 1

    def bulk_now(self, instants_left: int, left_bytes: int) -> bool:
        """Whether this instant, with so many still to come, may take bulk. One set is kept back for the last."""
        if not self._bulk_bytes:
            return True
        sets = (left_bytes - self._plain_bytes * (instants_left + 1) - self._bulk_bytes) // self._bulk_bytes
        return sets > 0 and self._since_bulk + 1 >= math.ceil(instants_left / sets)

    def interval_factor(self, instants_left: int, left_bytes: int) -> int:
        """By how much the interval has to be stretched for even the small evidence to last until the end."""
        room = left_bytes - self._bulk_bytes - self._plain_bytes
        needed = self._plain_bytes * instants_left
        if needed <= room:
            return 1
        return math.ceil(needed / room) if room > 0 else instants_left + 1
