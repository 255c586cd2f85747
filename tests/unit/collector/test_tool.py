"""An outside program is run bounded: in time, in output, with all that it started; and its memory is seen while it runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from offheap.collector import tool
from offheap.collector.outcome import Skip
from offheap.collector.tool import Run

PATIENCE_SECONDS = 60.0
MIB = 1 << 20


def run(
    *argv: str, seconds: float = PATIENCE_SECONDS, most_bytes: int = MIB, environment: dict[str, str] | None = None
) -> tuple[Run, bytes]:
    parts: list[bytes] = []
    ended = tool.run(list(argv), seconds, most_bytes, parts.append, environment)
    return ended, b"".join(parts)


def python(script: str, seconds: float = PATIENCE_SECONDS) -> tuple[Run, bytes]:
    return run(sys.executable, "-I", "-S", "-c", script, seconds=seconds)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until_gone(pid: int) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


def test_output_and_exit_code_come_back() -> None:
    ended, output = run("/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    assert output == b"out\nerr\n"
    assert (ended.exit_code, ended.timed_out, ended.too_large) == (3, False, False)


def test_a_missing_tool_is_said() -> None:
    with pytest.raises(Skip, match="ToolMissing"):
        run("no-such-tool")


def test_a_peak_between_its_outputs_is_seen() -> None:
    """Little at its first word, much later without a word, little at its end."""
    script = (
        "import time; print('begun', flush=True); hoard = bytearray(64 << 20); hoard[::4096] = b'x' * (64 << 20 >> 12);"
        "time.sleep(1); del hoard; print('done', flush=True)"
    )
    ended, output = python(script)
    assert output == b"begun\ndone\n"
    assert 64 * MIB <= ended.peak_pss_bytes < 128 * MIB


def test_what_its_children_hold_counts() -> None:
    script = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    hoard = bytearray(64 << 20); hoard[::4096] = b'x' * (64 << 20 >> 12); time.sleep(1); os._exit(0)\n"
        "os.wait()"
    )
    ended, _ = python(script)
    assert ended.peak_pss_bytes >= 64 * MIB


def test_a_short_one_is_looked_at_with_its_first_output() -> None:
    ended, _ = run("/bin/sh", "-c", "echo short; read line < /dev/null; sleep 0.02")
    assert ended.peak_pss_bytes > 0


def test_at_the_deadline_all_it_started_is_killed() -> None:
    ended, output = run("/bin/sh", "-c", "sleep 600 & echo $!; wait", seconds=1.0)
    assert (ended.exit_code, ended.timed_out) == (None, True)
    assert wait_until_gone(int(output))


def test_one_that_never_stops_talking_is_killed_at_its_deadline() -> None:
    ended, _ = run("/bin/sh", "-c", "while :; do echo word; sleep 0.01; done", seconds=0.5)
    assert (ended.exit_code, ended.timed_out) == (None, True)


def test_what_it_leaves_behind_is_killed_when_it_ends() -> None:
    ended, output = run("/bin/sh", "-c", "sleep 600 > /dev/null 2>&1 & echo $!")
    assert ended.exit_code == 0
    assert wait_until_gone(int(output))


def test_too_much_output_ends_it() -> None:
    ended, output = run("/bin/sh", "-c", "exec yes", most_bytes=100_000)
    assert (ended.exit_code, ended.too_large) == (None, True)
    assert len(output) <= 100_000


def test_its_environment_is_only_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    _, output = run("/usr/bin/env", environment={"JATTACH_PATH": "/somewhere"})
    variables = dict(line.split("=", 1) for line in output.decode().splitlines())
    assert variables == {"PATH": variables["PATH"], "LC_ALL": "C", "JATTACH_PATH": "/somewhere"}


def test_nothing_is_left_open() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run("/bin/sh", "-c", "echo word")
        with pytest.raises(Skip):
            run("no-such-tool")
    assert sorted(os.listdir("/proc/self/fd")) == before
