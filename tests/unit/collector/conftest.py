"""The collector run in this process, on a /proc of files and with a jattach of shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offheap.collector.clock import Clock
from offheap.collector.plan import parse_plan
from offheap.collector.steps import run
from tests.unit.collector.fakes import FakeJattach, FakeProc, Record, plan_text

Collect = Callable[..., list[Record]]


class Time:
    """Passes while it is waited for, and only then: a slow machine misses no instant."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    (tmp_path / "proc").mkdir()
    return FakeProc(tmp_path / "proc")


@pytest.fixture
def jattach(tmp_path: Path) -> FakeJattach:
    return FakeJattach(tmp_path)


@pytest.fixture
def collect(proc: FakeProc, jattach: FakeJattach, tmp_path: Path) -> Collect:
    """Runs one step and gives its records."""

    def collected(step: str, **fields: Any) -> list[Record]:
        out = tmp_path / "out.ndjson"
        with out.open("wb") as file:
            plan = parse_plan(plan_text(step, **fields))
            time = Time()
            clock = Clock(plan.deadline_seconds, now=lambda: time.seconds, wait=time.wait)
            run(plan, file.fileno(), proc_root=str(proc.root), jattach=str(jattach.path), clock=clock)
        return [json.loads(line) for line in out.read_text().splitlines()]

    return collected
