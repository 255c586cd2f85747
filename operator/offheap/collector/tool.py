"""Runs one outside program: no shell, a hard deadline for it and all it started, output handed on in pieces and capped,
its memory measured while it runs.

Written on posix_spawn because `subprocess` alone would cost 1.1 MiB of the target's pod.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from offheap.collector.cost import tree_pss_bytes
from offheap.collector.outcome import Skip

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_CHUNK_BYTES = 64 << 10
_LOOK_SECONDS = 0.025
_LOOKS_SHARE = 20
"""The kernel walks a program's pages to tell its Pss, 1 ms for 100 MiB: looking takes a twentieth of the time at most."""


class Run(NamedTuple):
    """How a program ended. `exit_code` is None when it was killed, by us (`timed_out`, `too_large`) or by others.
    `peak_pss_bytes` is the most that it and its children held together, looked at with its first output and from then on
    every 25 ms or less often: what lives shorter than that may be missed."""

    exit_code: int | None
    wall_seconds: float
    timed_out: bool
    too_large: bool
    peak_pss_bytes: int


def run(
    argv: list[str],
    timeout_seconds: float,
    most_bytes: int,
    sink: Callable[[bytes], None],
    environment: dict[str, str] | None = None,
) -> Run:
    """Run argv[0] from PATH or by its path; stdout and stderr go to `sink`. Raises Skip when it is not there.

    `environment` is added to PATH and LC_ALL=C, which are all it gets otherwise. When it ends, is too slow or says too much,
    whatever is left of its process group is killed.
    """
    started = time.monotonic()
    reader, pid = _spawn(argv, _ENVIRONMENT | (environment or {}))
    received = 0
    timed_out = too_large = False
    watch = _Watch(pid)
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    try:
        while True:
            left = started + timeout_seconds - time.monotonic()
            if left <= 0:
                timed_out = True
                break
            if not poller.poll(min(left, watch.due_in_seconds()) * 1000):
                watch.look_if_due()
                continue
            if not received:
                watch.look()
            watch.look_if_due()
            chunk = os.read(reader, _CHUNK_BYTES)
            if not chunk:
                break
            received += len(chunk)
            if received > most_bytes:
                too_large = True
                break
            sink(chunk)
    finally:
        os.close(reader)
        exit_code = _reap(pid, kill=timed_out or too_large, patience_seconds=max(0.1, min(1.0, timeout_seconds)))
    return Run(exit_code, time.monotonic() - started, timed_out, too_large, watch.peak_pss_bytes)


class _Watch:
    """The memory of a running program, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self.peak_pss_bytes = 0
        self._pid = pid
        self._due = time.monotonic() + _LOOK_SECONDS

    def due_in_seconds(self) -> float:
        return max(0.001, self._due - time.monotonic())

    def look_if_due(self) -> None:
        if time.monotonic() >= self._due:
            self.look()

    def look(self) -> None:
        began = time.monotonic()
        self.peak_pss_bytes = max(self.peak_pss_bytes, tree_pss_bytes(self._pid))
        ended = time.monotonic()
        self._due = ended + max(_LOOK_SECONDS, _LOOKS_SHARE * (ended - began))


def _spawn(argv: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """The reading end of its output, and its pid, which is its process group as well."""
    reader, writer = os.pipe()
    try:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_DUP2, writer, 2),
            ],
            setpgroup=0,
            setsigmask=(),
        )
    except OSError as error:
        os.close(reader)
        raise Skip("ToolMissing", f"{argv[0]} cannot be started in the collector's image: {error.strerror}") from None
    finally:
        os.close(writer)
    return reader, pid


def _reap(pid: int, *, kill: bool, patience_seconds: float) -> int | None:
    """Its exit code, None if it was killed. A process that the kernel holds (state D) is left to it."""
    until = time.monotonic() + patience_seconds
    # Short at first: a pause is judged by how long jattach took.
    step_seconds = 0.0001
    while True:
        if kill:
            _kill_group(pid)
        # Seen but not reaped yet, so that the number of its group cannot be another's when what it left behind is killed.
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            _kill_group(pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            return None if kill or code < 0 else code
        if time.monotonic() > until:
            if kill:
                return None
            # It closed its output but lives on: nothing more is wanted of it.
            kill, until = True, time.monotonic() + patience_seconds
        time.sleep(step_seconds)
        step_seconds = min(0.01, step_seconds * 2)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        # Already gone, or it changed its user and we may not: then it dies with the container.
        return
