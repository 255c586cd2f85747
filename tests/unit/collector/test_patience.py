"""A JVM that is only just being started is waited for; a container that has been up for a while is taken as it is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from offheap.collector.clock import Clock
from offheap.collector.patience import wait_while_starting
from offheap.collector.procfs import Proc
from tests.unit.collector.fakes import FakeProc


class Time:
    """A clock that moves only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def started(seconds_ago: float) -> int:
    return int((time.clock_gettime(time.CLOCK_BOOTTIME) - seconds_ago) * os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize(("age", "ready_at", "waited"), [(1.0, 3.0, 3.0), (1.0, 99.0, 20.0), (0.0, 0.0, 0.0)])
def test_it_waits_while_the_process_is_young(tmp_path: Path, age: float, ready_at: float, waited: float) -> None:
    fake, virtual = FakeProc(tmp_path), Time()
    fake.add(1, "sh", "sh", "run.sh", ticks=started(age))
    clock = Clock(600.0, lambda: virtual.now, virtual.wait)
    wait_while_starting(Proc(str(tmp_path)), lambda: [1], clock, lambda: virtual.now >= ready_at)
    assert virtual.now == pytest.approx(waited, abs=0.3)


def test_an_old_container_is_taken_as_it_is(tmp_path: Path) -> None:
    fake, virtual = FakeProc(tmp_path), Time()
    fake.add(1, "sh", "sh", "run.sh", ticks=started(61.0))
    clock = Clock(600.0, lambda: virtual.now, virtual.wait)
    wait_while_starting(Proc(str(tmp_path)), lambda: [1], clock, lambda: False)
    assert virtual.now == 0.0
