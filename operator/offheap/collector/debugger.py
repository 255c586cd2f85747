"""Dumps memory ranges of a process by gdb, and sees to it that the process runs on afterwards.

gdb writes each range to a pipe that it finds under /proc/self/fd, so nothing is stored, on no file system. It is kept from
all that it does not need: symbols and libraries of the target (slow, large, and hostile input), its scripts, calls into it.
"""

from __future__ import annotations

import os
import re
import signal
import time
from typing import NamedTuple

from offheap.collector.children import Children, Sink
from offheap.collector.outcome import Skip
from offheap.collector.procfs import Proc
from offheap.collector.resident import Piece, yama_says
from offheap.collector.text import short

GDB = "gdb"
LEAST_VERSION = 16
"""Up to 15 an attach to a JVM of 100 threads stopped it for 230 ms, since then for 56 ms."""

_FIRST_PIPE = 10
_PATIENCE_SECONDS = 20.0
_TICK_SECONDS = 0.001
_QUIET = (
    "set sysroot /nonexistent",
    "set auto-solib-add off",
    "set auto-load off",
    "set debuginfod enabled off",
    "set libthread-db-search-path /nonexistent",
    "set index-cache enabled off",
    "set print thread-events off",
    "set confirm off",
    "set may-call-functions off",
    "set may-write-memory off",
    "set may-write-registers off",
)
_VERSION = re.compile(rb"GNU gdb \([^)\n]*\) (\d{1,3})\.(\d{1,4})")
_REFUSED = re.compile(rb"ptrace: ([^\n]{1,80}?)\.?\n|(Could not attach to process[^\n]{0,80})")


class Dump(NamedTuple):
    """`data`: the bytes of each group of pieces, one after the other. `pause_seconds`: from the last moment in which the
    process was seen to run until it was seen to run again."""

    data: list[bytearray]
    version: str
    pause_seconds: float
    peak_pss_bytes: int


def dump(proc: Proc, pid: int, groups: list[list[Piece]], pause_limit_seconds: float) -> Dump:
    """Attach, dump, detach. Raises Skip: PauseExceeded when it took longer than the limit, after the process was let go."""
    data = [bytearray() for _ in groups]
    said = bytearray()
    argv = [GDB, "-nx", "-batch"]
    for setting in _QUIET:
        argv += ["-iex", setting]
    commands = ["show version", "handle all nostop noprint pass", f"attach {pid}"]
    for index, pieces in enumerate(groups):
        for start, size in pieces:
            commands.append(f"dump binary memory /proc/self/fd/{_FIRST_PIPE + index} {start:#x} {start + size:#x}")
    for command in (*commands, "detach"):
        argv += ["-ex", command]
    watch = _Pause(proc, pid, pause_limit_seconds)
    with Children() as children:
        sink: Sink = said.extend
        sinks: dict[int, Sink] = {1: sink, 2: sink} | {
            _FIRST_PIPE + index: one.extend for index, one in enumerate(data)
        }
        try:
            gdb = children.start(argv, sinks)
            if children.pump(time.monotonic() + _PATIENCE_SECONDS, _TICK_SECONDS, watch.tick):
                children.wait(gdb)
        finally:
            # The kernel lets go of all that a dead debugger held.
            children.kill()
            watch.let_run()
    if watch.exceeded:
        raise PauseExceeded(
            f"gdb held the target for {watch.seconds * 1000:.0f} ms and was killed at its limit of "
            f"{pause_limit_seconds * 1000:.0f} ms; the target runs on. Raise budget.pause, or use the memory probe, "
            "which stops nothing",
            watch.seconds,
            children.peak_pss_bytes,
        )
    return Dump(data, _checked(bytes(said), any(data)), watch.seconds, children.peak_pss_bytes)


class PauseExceeded(Skip):
    """With what it cost all the same."""

    def __init__(self, message: str, pause_seconds: float, peak_pss_bytes: int) -> None:
        super().__init__("PauseExceeded", message)
        self.pause_seconds = pause_seconds
        self.peak_pss_bytes = peak_pss_bytes


def self_test(proc: Proc) -> Dump:
    """Dump a process of our own first: what cannot work must not be tried on the target. Raises Skip."""
    with Children() as children:
        pid = children.start(["sleep", "60"], {})
        try:
            piece = _end_of_stack(proc, pid)
            with open(proc.path(pid, "mem"), "rb", buffering=0) as mem:
                mem.seek(piece.start)
                expected = mem.read(piece.size_bytes)
            done = dump(proc, pid, [[piece]], 10.0)
        except (OSError, StopIteration):
            raise Skip(
                "DebuggerUnfit", "gdb could not be tried: the collector may not read a process of its own"
            ) from None
        if not expected or bytes(done.data[0]) != expected or not _is_running(proc, pid):
            raise Skip("DebuggerUnfit", f"gdb {done.version} failed its trial on a process of the collector's own")
    return done


class _Pause:
    """Watches the state of a process: how long it stands still."""

    def __init__(self, proc: Proc, pid: int, limit_seconds: float) -> None:
        self.exceeded = False
        self._proc = proc
        self._pid = pid
        self._limit_seconds = limit_seconds
        self._ran_at = time.monotonic()
        self._stopped_at: float | None = None
        self._again_at: float | None = None

    @property
    def seconds(self) -> float:
        if self._stopped_at is None:
            return 0.0
        return (self._again_at or time.monotonic()) - self._stopped_at

    def tick(self) -> bool:
        """False when it stood for too long."""
        stat = self._proc.stat(self._pid)
        now = time.monotonic()
        if stat is None or stat.state not in "tT":
            if self._stopped_at is not None and self._again_at is None:
                self._again_at = now
            self._ran_at = now
            return True
        if self._stopped_at is None:
            self._stopped_at = self._ran_at
        self._again_at = None
        self.exceeded = now - self._stopped_at > self._limit_seconds
        return not self.exceeded

    def let_run(self) -> None:
        """Wait until every thread runs, and wake those that a SIGSTOP of a killed debugger left behind."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            if _is_running(self._proc, self._pid):
                break
            # Also where no stop was seen: the SIGSTOP of an attach that was killed arrives after it.
            _continue(self._pid)
            time.sleep(_TICK_SECONDS)
        if self._stopped_at is not None and self._again_at is None:
            self._again_at = time.monotonic()


def _is_running(proc: Proc, pid: int) -> bool:
    """No thread of it is stopped, by a signal or by a debugger. One that is gone is not stopped."""
    try:
        threads = os.listdir(proc.path(pid, "task"))
    except OSError:
        return True
    stats = (proc.stat_of_thread(pid, int(thread)) for thread in threads if thread.isdecimal())
    return all(stat is None or stat.state not in "tT" for stat in stats)


def _continue(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except OSError:
        # It is gone.
        return


def _end_of_stack(proc: Proc, pid: int) -> Piece:
    """The end of its main stack, where the kernel put its environment and its path, which nobody changes. It may not have
    begun its program yet."""
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        with open(proc.path(pid, "maps"), "rb") as maps:
            stack = next((line for line in maps if line.rstrip().endswith(b"[stack]")), None)
        stat = proc.stat(pid)
        if stack is not None and stat is not None and stat.comm == "sleep" and stat.state == "S":
            end = int(stack.split(b" ")[0].split(b"-")[1], 16)
            return Piece(end - 64, 64)
        time.sleep(0.005)
    raise StopIteration


def _checked(said: bytes, has_data: bool) -> str:  # noqa: FBT001 - private
    """gdb's version. Raises Skip for one that is too old, may not attach, or dumped nothing."""
    version = _VERSION.search(said)
    if version is None:
        raise Skip("DebuggerUnfit", f"gdb did not tell its version: {short(said)}")
    text = f"{int(version[1])}.{int(version[2])}"
    if int(version[1]) < LEAST_VERSION:
        raise Skip(
            "ToolTooOld",
            f"gdb {text} is in the collector's image; from {LEAST_VERSION} on it stops a JVM a fourth as long: "
            "use offheap's own image",
        )
    if refused := _REFUSED.search(said):
        why = short(refused[1] or refused[2])
        raise Skip(
            "PtraceNotPermitted",
            f"gdb may not attach ({why}): {yama_says() or 'the seccomp profile must allow ptrace(2)'}, and the collector must run "
            "as the target's user with no fewer capabilities, or with CAP_SYS_PTRACE. The memory probe needs no attach",
        )
    if not has_data:
        raise Skip("DebuggerUnfit", f"gdb {text} dumped nothing: {short(said[-300:])}")
    return text
