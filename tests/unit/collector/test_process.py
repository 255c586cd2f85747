"""The collector as a process of its own: its command line, its signals, its stdout, what it loads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.collector.fakes import FakeJattach, FakeProc, plan_text

SOURCE = Path(__file__).parents[3] / "operator"
PATIENCE_SECONDS = 60
ON_FAKES = (
    "import signal, sys; from offheap.collector.plan import parse_plan; from offheap.collector.steps import run;"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]);"
    "sys.exit(run(parse_plan(sys.argv[1]), 1, proc_root=sys.argv[2], jattach=sys.argv[3]))"
)


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-S", "-B", *arguments]


ENVIRONMENT = {"PYTHONPATH": str(SOURCE), "PATH": os.environ.get("PATH", "")}


@pytest.mark.parametrize(
    "argument", ["", "{}", "[]", '{"version": 2}', '{"version": 1, "step": "harm", "investigation": "a/b"}']
)
def test_a_plan_that_cannot_be_followed_is_told_in_the_stream(argument: str) -> None:
    done = subprocess.run(
        python("-m", "offheap.collector", argument),
        env=ENVIRONMENT,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == b""
    hello, end = (json.loads(line) for line in done.stdout.splitlines())
    assert hello["type"] == "hello"
    assert end["outcome"] == "Error"
    assert end["message"].startswith("InvalidPlan: ")


def test_it_makes_itself_the_kernels_first_choice() -> None:
    script = (
        "import sys; from offheap.collector.__main__ import main; main(sys.argv[1:]);"
        "print(open('/proc/self/oom_score_adj').read().strip())"
    )
    done = subprocess.run(
        python("-c", script, plan_text("look")),
        env=ENVIRONMENT,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == b"1000"


def test_sigterm_ends_it_with_a_whole_last_record(proc: FakeProc, jattach: FakeJattach) -> None:
    proc.java(7)
    plan = plan_text("sample", interval_seconds=600, duration_seconds=600, deadline_seconds=600)
    command = python("-c", ON_FAKES, plan, str(proc.root), str(jattach.path))
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("name") == "status":
                break
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in process.stdout]
    assert rest[-1]["type"] == "end"
    assert "SIGTERM" in rest[-1]["message"]


def test_it_goes_quietly_when_nobody_reads(proc: FakeProc, jattach: FakeJattach) -> None:
    proc.java(7)
    reader, writer = os.pipe()
    os.close(reader)
    command = python("-c", ON_FAKES, plan_text("sample"), str(proc.root), str(jattach.path))
    with open(writer, "wb") as nobody:
        done = subprocess.run(
            command, env=ENVIRONMENT, stdout=nobody, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_goes_quietly_when_the_disk_is_full(proc: FakeProc, jattach: FakeJattach) -> None:
    proc.java(7)
    command = python("-c", ON_FAKES, plan_text("sample"), str(proc.root), str(jattach.path))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_loads_little_and_nothing_of_the_operator() -> None:
    script = "import sys, offheap.collector.__main__; print(*sys.modules)"
    done = subprocess.run(
        python("-c", script), env=ENVIRONMENT, capture_output=True, timeout=PATIENCE_SECONDS, check=True
    )
    loaded = set(done.stdout.decode().split())
    ours = {name for name in loaded if name.startswith("offheap.")}
    assert {name for name in ours if not name.startswith("offheap.collector")} == set()
    heavy = {
        "asyncio",
        "argparse",
        "dataclasses",
        "inspect",
        "logging",
        "pathlib",
        "subprocess",
        "tempfile",
        "threading",
        "shutil",
    }
    assert not heavy & loaded
