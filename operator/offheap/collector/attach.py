"""Asks the JVM by jattach, as gently as can be.

An attach that fails sends SIGQUIT first, and the JVM answers that with a thread dump on its own stdout. So whatever can
be known beforehand is checked without touching the JVM, and after the first failure there is no second attempt.
"""

from __future__ import annotations

import math
import os
import signal
import stat
from collections.abc import Callable

from offheap.collector import tool
from offheap.collector.clock import Clock
from offheap.collector.cost import Meter
from offheap.collector.outcome import Skip
from offheap.collector.procfs import Proc, mount_of
from offheap.collector.stops import holds_up
from offheap.collector.text import Text, short

_MOST_BYTES = 8 << 20
_PATIENCE_SECONDS = 10.0
"""jattach itself waits 6 s for the JVM's socket."""
_CONNECTED = b"Connected to remote JVM"
_RESPONSE = b"JVM response code = "
_SIGQUIT_MASK = 1 << (signal.SIGQUIT - 1)


class Attach:
    """The one way to one JVM's commands. `refusal` says why it is closed, None while it is open."""

    def __init__(
        self, proc: Proc, pid: int, meter: Meter, clock: Clock, *, jattach: str, pause_budget_seconds: float
    ) -> None:
        self.refusal: Skip | None = None
        self._proc = proc
        self._pid = pid
        self._meter = meter
        self._clock = clock
        self._jattach = jattach
        self._pause_budget_seconds = pause_budget_seconds
        self._fastest_seconds = math.inf

    def refuse(self, skip: Skip) -> None:
        """Close it for good; the first reason stays."""
        self.refusal = self.refusal or skip

    def is_heard(self) -> bool:
        """Whether the JVM is far enough for an attach: it catches SIGQUIT, or listens already."""
        status = self._proc.status(self._pid)
        return status is None or bool(status.caught_signals & _SIGQUIT_MASK) or self._has_socket(status.nspid)

    def preflight(self) -> None:
        """Close it when an attach would fail anyway. Nothing of the target is touched."""
        status = self._proc.status(self._pid)
        if self.refusal or status is None:
            return
        if os.geteuid() not in (0, status.uid):
            self.refuse(
                Skip(
                    "WrongUser", f"attaching needs the target's user {status.uid}, the collector runs as {os.geteuid()}"
                )
            )
        elif self._has_socket(status.nspid):
            # The JVM listens already: no file has to be made and no signal sent.
            return
        elif not status.caught_signals & _SIGQUIT_MASK:
            self.refuse(
                Skip(
                    "JvmNotReady",
                    "the JVM does not catch SIGQUIT (yet), and would die of an attach; try again when it is up",
                )
            )
        elif not self._tmp_is_writable():
            self.refuse(
                Skip(
                    "TmpNotWritable",
                    "the JVM cannot make its socket in /tmp: mount an emptyDir there, then attach works",
                )
            )

    def jcmd(self, command: str, rewrite: Callable[[str], str] | None = None) -> tuple[Text, float]:
        """The JVM's answer and for how many seconds it may have stood still. Raises Skip.

        `rewrite` gets the answer by whole lines and gives what of them may leave.
        """
        if self.refusal:
            raise self.refusal
        stops = holds_up(command)
        if stops and self._meter.pause_seconds >= self._pause_budget_seconds:
            raise Skip("PauseBudgetExceeded", f"{command} stops the JVM, and budget.pause is used up")
        # jattach 2.1 drops everything after the first word, so the command with its arguments is one word.
        answer, run = self._run(command, ["jcmd", command], least_seconds=0.1, rewrite=rewrite)
        pause = self._pause(run.wall_seconds) if stops else 0.0
        self._meter.note_pause(pause)
        text = answer.finish()
        self._check(command, text, answer, run)
        if run.exit_code or answer.code:
            unknown = "Unknown diagnostic command" in text.head
            raise Skip("CommandUnknown" if unknown else "CommandFailed", f"{command}: {short(text.head)}")
        if not stops:
            self._fastest_seconds = min(self._fastest_seconds, run.wall_seconds)
        return text, pause

    def _pause(self, wall_seconds: float) -> float:
        """For how long the JVM may have stood still at most: all the time but what starting jattach, connecting and answering
        take at the least, which is the fastest of the questions that stopped nothing. An answer is never faster than that by
        more than the scatter of the fastest of ten and more, a tenth of a millisecond."""
        fastest = self._fastest_seconds if self._fastest_seconds < math.inf else 0.0
        return max(0.0, wall_seconds - fastest)

    def load(self, agent: str, *, absolute: bool, options: str) -> None:
        """Load a library of the target's own file system into the JVM and run its Agent_OnAttach, or again that of one which
        is loaded already. Raises Skip.

        `agent` is a path when `absolute`, else the name of a library of the JDK. It stops nothing by itself.
        """
        if self.refusal:
            raise self.refusal
        # More than the deadline has left, for what was begun has to be undone after it too.
        answer, run = self._run(agent, ["load", agent, "true" if absolute else "false", options], least_seconds=2.0)
        text = answer.finish()
        self._check(agent, text, answer, run)
        # "0" with JDK 8, "return code: 0" since; what failed is told in words before it or instead.
        said = text.head.strip()
        if run.exit_code or answer.code or said.removeprefix("return code:").strip() != "0":
            raise Skip(
                "AgentNotLoaded", f"{agent}: {short(said) or 'the JVM said nothing'} (exit code {run.exit_code})"
            )

    def _run(
        self, what: str, words: list[str], least_seconds: float, rewrite: Callable[[str], str] | None = None
    ) -> tuple[_Answer, tool.Run]:
        answer = _Answer(rewrite)
        timeout_seconds = max(least_seconds, min(_PATIENCE_SECONDS, self._clock.left_seconds))
        try:
            run = tool.run([self._jattach, str(self._pid), *words], timeout_seconds, _MOST_BYTES, answer.feed)
        except Skip as missing:
            self.refuse(missing)
            raise
        self._meter.note_memory(run.peak_pss_bytes)
        if run.timed_out:
            self.refuse(
                Skip(
                    "AttachTimedOut",
                    f"the JVM did not answer {what} within {timeout_seconds:.1f} s; it is not asked again",
                )
            )
        return answer, run

    def _check(self, what: str, text: Text, answer: _Answer, run: tool.Run) -> None:
        """Raises Skip when the JVM did not answer as a whole."""
        if not run.timed_out and run.too_large:
            raise Skip("AnswerTooLarge", f"the answer to {what} is larger than {_MOST_BYTES >> 20} MiB")
        if not run.timed_out and not answer.connected:
            self.refuse(
                Skip(
                    "AttachFailed",
                    f"{short(text.head) or 'jattach said nothing'} (exit code {run.exit_code}); not tried again",
                )
            )
        if self.refusal:
            raise self.refusal

    def _has_socket(self, nspid: int) -> bool:
        try:
            return stat.S_ISSOCK(os.lstat(self._proc.path(self._pid, f"root/tmp/.java_pid{nspid}")).st_mode)
        except OSError:
            return False

    def _tmp_is_writable(self) -> bool:
        mount = mount_of(self._proc.mounts(self._pid), "/tmp")  # noqa: S108 - HotSpot's path, whatever java.io.tmpdir is
        if mount and mount.read_only:
            return False
        return os.access(self._proc.path(self._pid, "root/tmp"), os.W_OK | os.X_OK)


class _Answer:
    """jattach's output: its own two lines taken off, the JVM's text kept."""

    def __init__(self, rewrite: Callable[[str], str] | None) -> None:
        self.connected = False
        self.code = 0
        self._text = Text(rewrite=rewrite)
        self._first = b""
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        if self._begun:
            self._text.feed(chunk)
            return
        self._first += chunk
        while b"\n" in self._first and not self._begun:
            line, _, rest = self._first.partition(b"\n")
            if self._is_preface(line):
                self._first = rest
            else:
                self._begin()
        if len(self._first) > 4096:
            self._begin()

    def finish(self) -> Text:
        self._begin()
        return self._text

    def _begin(self) -> None:
        self._begun = True
        self._text.feed(self._first)
        self._first = b""

    def _is_preface(self, line: bytes) -> bool:
        if line.startswith(_CONNECTED):
            self.connected = True
            return True
        if self.connected and line.startswith(_RESPONSE):
            word = line.removeprefix(_RESPONSE).strip()
            self.code = int(word) if _is_number(word) else -1
            return True
        return False


def _is_number(word: bytes) -> bool:
    return word.lstrip(b"-").isdigit() and len(word) < 12
