"""The debugger's probe on living processes, with a gdb of Python that stops them as gdb does, or does not let go."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offheap.collector import debugger
from offheap.collector.debugger import dump, self_test
from offheap.collector.growing import remember
from offheap.collector.outcome import Skip
from offheap.collector.plan import parse_plan
from offheap.collector.probes import gdb, memory
from offheap.collector.procfs import Proc
from offheap.collector.visit import Visit
from tests.unit.collector.fakes import plan_text
from tests.unit.collector.test_content import visit_of

FAKE = """\
#!{python}
import os, signal, sys, time
def name_of(pid):
    return open(f"/proc/{{pid}}/comm").read().strip()
commands = [word for flag, word in zip(sys.argv, sys.argv[1:]) if flag == "-ex"]
for command in commands:
    if command == "show version":
        print("GNU gdb (Debian {version}-1) {version}", flush=True)
    elif command.startswith("attach "):
        pid = int(command.split()[1])
        {attach}
    elif command.startswith("dump "):
        *_, path, start, end = command.split()
        with open(f"/proc/{{pid}}/mem", "rb", buffering=0) as mem, open(path, "wb") as out:
            mem.seek(int(start, 16))
            out.write(mem.read(int(end, 16) - int(start, 16)))
    elif command == "detach":
        {detach}
"""
STOP, RUN = "os.kill(pid, signal.SIGSTOP); time.sleep(0.05)", "os.kill(pid, signal.SIGCONT)"
TARGET = """\
import mmap, time
block = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
row = b"SESSION-CONTEXT native handle owner=com.acme.ImageCache id=%07d"
block[:] = b"".join((row % number).ljust(256, b"\\0") for number in range((4 << 20) // 256))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(version: str = "16.3", attach: str = STOP, detach: str = RUN) -> None:
        path = tmp_path / "bin" / "gdb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(FAKE.format(python=sys.executable, version=version, attach=attach, detach=detach))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    install()
    return install


@pytest.fixture
def target() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", TARGET], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        assert state(process.pid) in "SR", "it must run on, whatever became of the debugger"
        process.kill()


def state(pid: int) -> str:
    found = Proc().stat(pid)
    assert found is not None
    return found.state


def visit(pid: int, **options: Any) -> Visit:
    budget = {"target_memory_bytes": 64 << 20, "pause_seconds": options.pop("budget", 5.0), "stream_bytes": 8 << 20}
    made = visit_of(Proc(), pid, {memory.NOTE: array("Q")})
    return made._replace(plan=parse_plan(plan_text("sample", probes={"gdb": options, "memory": {}}, budget=budget)))


def test_it_gives_the_answer_of_the_memory_probe_and_says_for_how_long_the_target_stood(fake: Any, target: int) -> None:
    seen = visit(target)
    taken = gdb.take_content(seen)
    data: Any = taken.data
    assert (data["method"], data["version"]) == ("gdb", "16.3")
    assert 0.02 < data["pause_seconds"] < 5
    assert seen.meter.pause_seconds == taken.pause_seconds == pytest.approx(data["pause_seconds"], abs=1e-5)
    same: Any = memory.take_content(seen).data
    for one, other in zip(data["regions"], same["regions"], strict=True):
        assert (one["start"], one["grown_bytes"]) == (other["start"], other["grown_bytes"])
    first = data["regions"][0]
    assert first["strings"][0]["prefix"] == "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=#"
    assert first["names"]["com.acme.ImageCache"] > 1000


def test_a_debugger_that_holds_on_is_killed_and_the_target_runs_on(fake: Any, target: int) -> None:
    fake(attach=STOP + "; time.sleep(0 if name_of(pid) == 'sleep' else 600)")
    seen = visit(target, pause_limit_seconds=0.3)
    with pytest.raises(Skip, match="PauseExceeded"):
        gdb.take_content(seen)
    assert state(target) in "SR"
    assert seen.meter.pause_seconds >= 0.3


def test_it_is_tried_on_a_process_of_our_own_first(fake: Any, target: int) -> None:
    tried = self_test(Proc())
    assert tried.version == "16.3"
    fake(attach="print('ptrace: Operation not permitted.', flush=True); sys.exit(1)")
    with pytest.raises(Skip, match="PtraceNotPermitted"):
        gdb.take_content(visit(target))


def test_a_target_that_is_left_stopped_is_woken(fake: Any, target: int) -> None:
    fake(detach="pass")
    assert gdb.take_content(visit(target)).pause_seconds > 0.02
    assert state(target) in "SR"


def test_a_stop_that_nobody_saw_begin_is_ended(target: int) -> None:
    proc = Proc()
    watch = debugger._Pause(proc, target, 1.0)
    os.kill(target, signal.SIGSTOP)
    os.waitid(os.P_PID, target, os.WSTOPPED | os.WNOWAIT)
    watch.let_run()
    assert debugger._is_running(proc, target)


def test_an_old_gdb_is_not_used(fake: Any) -> None:
    fake(version="13.1")
    with pytest.raises(Skip, match="ToolTooOld"):
        self_test(Proc())


def test_without_gdb_it_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Skip, match="ToolMissing"):
        dump(Proc(), os.getpid(), [], 1.0)


@pytest.mark.parametrize(("budget", "limit"), [(0.1, 10), (5.0, 0.1)])
def test_a_pause_that_is_not_allowed_is_not_begun(fake: Any, target: int, budget: float, limit: float) -> None:
    fake(attach="raise SystemExit('it must not be asked')")
    with pytest.raises(Skip, match="PauseBudgetExceeded"):
        gdb.take_content(visit(target, budget=budget, pause_limit_seconds=limit))


def test_where_nothing_grew_nothing_is_stopped(fake: Any, target: int) -> None:
    fake(attach="raise SystemExit('it must not be asked')")
    seen = visit(target)
    seen.notes[memory.NOTE] = remember(seen)
    assert gdb.take_content(seen).data == {"method": "gdb", "pause_seconds": 0, "regions": []}
