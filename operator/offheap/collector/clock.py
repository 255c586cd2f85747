"""Time: instants that do not drift, a deadline of our own, and the wish to end (SIGTERM), looked at between two takes.

SIGTERM is blocked and asked for rather than handled, so that it can never cut a record in two.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable

from offheap.collector.outcome import Ended


def wait_for_sigterm(seconds: float) -> bool:
    """Sleep, or return True at once when the container is told to stop."""
    return signal.sigtimedwait((signal.SIGTERM,), seconds) is not None


class Clock:
    """Counts from its making. Seconds of the monotonic clock, so the node's time may jump."""

    def __init__(
        self,
        deadline_seconds: float,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] = wait_for_sigterm,
    ) -> None:
        self._now = now
        self._wait = wait
        self._start = now()
        self._deadline_seconds = deadline_seconds

    @property
    def elapsed_seconds(self) -> float:
        return self._now() - self._start

    @property
    def left_seconds(self) -> float:
        return self._deadline_seconds - self.elapsed_seconds

    def check(self) -> None:
        """Raises Ended when it is time to go."""
        if signal.SIGTERM in signal.sigpending():
            raise _terminated()
        if self.left_seconds <= 0:
            raise Ended("DeadlineExceeded", f"the collector's deadline of {self._deadline_seconds:g} s has passed")

    def wait_until(self, elapsed_seconds: float) -> None:
        """Raises Ended when the deadline or SIGTERM comes first."""
        while True:
            self.check()
            left = elapsed_seconds - self.elapsed_seconds
            if left <= 0:
                return
            if self._wait(max(0.001, min(left, self.left_seconds))):
                raise _terminated()

    def wait_for_end(self) -> bool:
        """Wait until the container is told to stop; False when the deadline comes first."""
        return self._wait(max(0.001, self.left_seconds))


def _terminated() -> Ended:
    return Ended("Error", "Terminated: the container was told to stop (SIGTERM) before the collection was complete")


def next_instant(interval_seconds: float, duration_seconds: float, elapsed_seconds: float) -> float:
    """The next multiple of the interval that is still to come; the last instant is the duration itself.

    Instants that were missed (a slow read, a stopped node) are left out, never made up for in a burst.
    """
    following = (math.floor(elapsed_seconds / interval_seconds) + 1) * interval_seconds
    return min(following, duration_seconds)
