"""Waits for a JVM that is only just being started: its script may run first, and until it has put its signal handlers up
an attach would kill it. A container that has been up for a while is taken as it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from offheap.collector.clock import Clock
from offheap.collector.procfs import Proc

_YOUNG_SECONDS = 60.0
_MOST_SECONDS = 20.0
_STEP_SECONDS = 0.25


def wait_while_starting(proc: Proc, pids: Callable[[], list[int]], clock: Clock, ready: Callable[[], bool]) -> None:
    """Return when it is ready, or the oldest of the processes is no longer young, or the patience is used up."""
    until = min(_MOST_SECONDS, clock.left_seconds / 2)
    while clock.elapsed_seconds < until and _are_young(proc, pids()) and not ready():
        clock.wait_until(clock.elapsed_seconds + _STEP_SECONDS)


def _are_young(proc: Proc, pids: list[int]) -> bool:
    """By the clock that start times count in: since boot, suspended time included (proc_pid_stat(5), starttime)."""
    starts = [ticks for pid in pids if (ticks := proc.start_time_ticks(pid)) is not None]
    if not starts:
        return True
    return time.clock_gettime(time.CLOCK_BOOTTIME) - min(starts) / os.sysconf("SC_CLK_TCK") < _YOUNG_SECONDS
