"""Runs one outside program: no shell, a hard deadline, output handed on in pieces and capped, its memory measured.

Written on posix_spawn because `subprocess` alone would cost 1.1 MiB of the target's pod.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from offheap.collector.cost import pss_bytes
from offheap.collector.outcome import Skip

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_CHUNK_BYTES = 64 << 10


class Run(NamedTuple):
    """How a program ended. `exit_code` is None when it was killed, by us (`timed_out`, `too_large`) or by others."""

    exit_code: int | None
    wall_seconds: float
    timed_out: bool
    too_large: bool
    peak_pss_bytes: int


def run(argv: list[str], timeout_seconds: float, most_bytes: int, sink: Callable[[bytes], None]) -> Run:
    """Run argv[0] from PATH or by its path; stdout and stderr go to `sink`. Raises Skip when it is not there."""
    started = time.monotonic()
    reader, writer = os.pipe()
    try:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            _ENVIRONMENT,
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
    received = peak_pss = 0
    timed_out = too_large = False
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    try:
        while True:
            left = started + timeout_seconds - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                timed_out = True
                break
            peak_pss = max(peak_pss, pss_bytes(pid))
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
    return Run(exit_code, time.monotonic() - started, timed_out, too_large, peak_pss)


def _reap(pid: int, *, kill: bool, patience_seconds: float) -> int | None:
    """Its exit code, None if it was killed. A process that the kernel holds (state D) is left to it."""
    until = time.monotonic() + patience_seconds
    while True:
        if kill:
            _kill_group(pid)
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if reaped:
            code = os.waitstatus_to_exitcode(status)
            return None if kill or code < 0 else code
        if time.monotonic() > until:
            if kill:
                return None
            # It closed its output but lives on: nothing more is wanted of it.
            kill, until = True, time.monotonic() + patience_seconds
        time.sleep(0.001)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        # Already gone, or it changed its user and we may not: then it dies with the container.
        return
