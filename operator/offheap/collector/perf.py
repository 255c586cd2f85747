"""Runs perf on the target and folds what it sees into stacks, while it comes: nothing is stored on any file system.

`perf record | perf script` by a pipe of ours. perf is asked for addresses only: names that it finds by itself come from its own
files at the same paths, or by entering the target's namespaces, which takes CAP_SYS_ADMIN.
"""

from __future__ import annotations

import os
import re
import time

from offheap.collector.children import Children
from offheap.collector.outcome import Skip
from offheap.collector.text import clean, short

PERF = "perf"
_SLACK_SECONDS = 15.0
_TRIAL_SECONDS = 10.0
_MOST_STACKS = 20_000
_MOST_FRAMES = 128
_DIGITS = re.compile(r"\d+")
_FRAME = re.compile(rb"^\s+([0-9a-f]{1,16})(?:\s.*)?$")
_HEAD = re.compile(rb"^(.{1,64}?)\s+(\d{1,18}):?\s*$")
_CAP_PERFMON, _CAP_SYS_ADMIN = 1 << 38, 1 << 21

Stack = tuple[str, tuple[int, ...]]
"""The thread's name with its digits struck out, and the addresses, innermost first."""


class Stacks:
    """The output of `perf script -F comm,period,ip`, folded. `weights`: how much of the event each stack saw."""

    def __init__(self) -> None:
        self.weights: dict[Stack, int] = {}
        self.dropped = 0
        self._tail = b""
        self._head: tuple[str, int] | None = None
        self._frames: list[int] = []

    def feed(self, chunk: bytes) -> None:
        lines = (self._tail + chunk).split(b"\n")
        self._tail = lines.pop()[-4096:]
        for line in lines:
            self._line(line)

    def finish(self) -> None:
        """After the last chunk."""
        self._line(self._tail)
        self._line(b"")

    def addresses(self) -> set[int]:
        return {address for _, frames in self.weights for address in frames}

    def _line(self, line: bytes) -> None:
        if frame := _FRAME.match(line):
            if len(self._frames) < _MOST_FRAMES:
                self._frames.append(int(frame[1], 16))
            return
        self._end_of_stack()
        if head := _HEAD.match(line):
            self._head = _DIGITS.sub("#", clean(head[1])).replace(";", ":").strip() or "?", int(head[2])

    def _end_of_stack(self) -> None:
        head, frames = self._head, tuple(self._frames)
        self._head, self._frames = None, []
        if head is None:
            return
        stack = (head[0], frames)
        if stack in self.weights or len(self.weights) < _MOST_STACKS:
            self.weights[stack] = self.weights.get(stack, 0) + head[1]
        else:
            self.dropped += head[1]


def record(children: Children, pid: int, event: str, how_often: tuple[str, str], seconds: float) -> Stacks:
    """Stacks of one event in all threads for so long. `how_often`: `("-F", samples a second)` or `("-c", events a sample)`.

    Raises Skip: ToolMissing, PerfNotPermitted, PerfFailed."""
    stacks, recorder_said, reader_said = Stacks(), bytearray(), bytearray()
    reader, writer = os.pipe()
    argv = [PERF, "record", "-o", "-", "-e", f"{event}:u", *how_often, "-m", "16", "-g", "-p", str(pid)]
    recorder = children.start([*argv, "--", "sleep", f"{seconds:g}"], {2: recorder_said.extend}, stdout=writer)
    script = children.start(
        [PERF, "script", "-i", "-", "-F", "comm,period,ip"], {1: stacks.feed, 2: reader_said.extend}, stdin=reader
    )
    done = children.pump(time.monotonic() + seconds + _SLACK_SECONDS, tick_seconds=0.1)
    code = children.wait(recorder) if done else None
    if done:
        children.wait(script)
    stacks.finish()
    if not stacks.weights and (code != 0 or not done):
        raise _failed(
            bytes(recorder_said + reader_said),
            "may not look at the target's threads, which takes its user or CAP_PERFMON",
        )
    return stacks


def trial(children: Children) -> None:
    """Record a program of our own first: whether perf is there and may be used at all. Raises Skip."""
    said = bytearray()
    sink = said.extend
    argv = [PERF, "record", "-o", "-", "-e", "cpu-clock:u", "-F", "99", "-g", "--", "true"]
    recorder = children.start(argv, {1: _ignore, 2: sink})
    if not children.pump(time.monotonic() + _TRIAL_SECONDS) or children.wait(recorder) != 0:
        raise _failed(bytes(said), "may not look even at a program of its own")


def _ignore(_: bytes) -> None:
    """What the trial recorded is of no interest."""


def _failed(said: bytes, what: str) -> Skip:
    text = said.lower()
    if any(word in text for word in (b"permi", b"perf_event_paranoid", b"not allowed", b"access to performance")):
        return Skip("PerfNotPermitted", f"perf {what}: {missing_right()}")
    return Skip("PerfFailed", f"perf {what}: {short(said[-400:]) or 'it said nothing'}")


def missing_right() -> str:
    """What would have to be allowed, by what this node and container say of themselves."""
    held = 0
    seccomp = False
    try:
        with open("/proc/self/status", "rb") as status:
            for line in status:
                if line.startswith(b"CapEff:"):
                    held = int(line.split()[1], 16)
                seccomp = seccomp or line.split() == [b"Seccomp:", b"2"]
        with open("/proc/sys/kernel/perf_event_paranoid", "rb") as paranoid:
            level = paranoid.read(8).strip().decode("ascii", "replace")
    except (OSError, ValueError, IndexError):
        level = "unknown"
    if held & (_CAP_PERFMON | _CAP_SYS_ADMIN):
        return "it has CAP_PERFMON, so the seccomp profile forbids perf_event_open(2), or the target is beyond CAP_SYS_PTRACE"
    wanted = f"CAP_PERFMON is missing, or kernel.perf_event_paranoid <= 1 (it is {level})"
    return f"{wanted}, and a seccomp profile that allows perf_event_open(2)" if seccomp else wanted
