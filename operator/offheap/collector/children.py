"""Outside programs that are joined by pipes, or write to more than one: what `tool.run` is too simple for.

No shell, a hard deadline, nothing stored: whatever they write is read as it comes.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable

from offheap.collector.cost import tree_pss_bytes
from offheap.collector.outcome import Skip

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_CHUNK_BYTES = 256 << 10
_PATIENCE_SECONDS = 2.0

Sink = Callable[[bytes], None]


class Children:
    """The programs of one take. As a context they are all gone when it is left, whatever happened."""

    def __init__(self) -> None:
        self.peak_pss_bytes = 0
        self._pids: list[int] = []
        self._sinks: dict[int, Sink] = {}

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for reader in self._sinks:
            os.close(reader)
        self._sinks.clear()

    def start(
        self, argv: list[str], outputs: dict[int, Sink], stdin: int | None = None, stdout: int | None = None
    ) -> int:
        """Run argv[0] from PATH. `outputs`: which of its file descriptors goes to which sink; 1 and 2 may share one. `stdin`
        and `stdout`: our ends of a pipe between two programs, closed here once given. Raises Skip when it is not there."""
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
        ours = [fd for fd in (stdin, stdout) if fd is not None]
        if stdin is None:
            actions.append((os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, stdin, 0))
        if stdout is not None:
            actions.append((os.POSIX_SPAWN_DUP2, stdout, 1))
        writers: dict[int, int] = {}
        for number, sink in outputs.items():
            if id(sink) not in writers:
                reader, writer = os.pipe()
                self._sinks[reader] = sink
                writers[id(sink)] = writer
            actions.append((os.POSIX_SPAWN_DUP2, writers[id(sink)], number))
        try:
            pid = os.posix_spawnp(argv[0], argv, _ENVIRONMENT, file_actions=actions, setpgroup=0, setsigmask=())
        except OSError as error:
            raise Skip(
                "ToolMissing", f"{argv[0]} cannot be started in the collector's image: {error.strerror}"
            ) from None
        finally:
            for fd in (*ours, *writers.values()):
                os.close(fd)
        self._pids.append(pid)
        return pid

    def pump(self, until: float, tick_seconds: float = 1.0, tick: Callable[[], bool] | None = None) -> bool:
        """Hand everything to the sinks until all outputs are closed. False: the deadline came first (seconds of the monotonic
        clock), or `tick`, asked at least so often, said no."""
        poller = select.poll()
        for reader in self._sinks:
            poller.register(reader, select.POLLIN)
        look_at = time.monotonic()
        while self._sinks:
            left = until - time.monotonic()
            if left <= 0 or (tick is not None and not tick()):
                return False
            for reader, _ in poller.poll(min(left, tick_seconds) * 1000):
                chunk = os.read(reader, _CHUNK_BYTES)
                if chunk:
                    self._sinks[reader](chunk)
                else:
                    poller.unregister(reader)
                    os.close(reader)
                    del self._sinks[reader]
            if (now := time.monotonic()) >= look_at:
                self.look()
                # The kernel walks their pages for it: a twentieth of the time at most.
                look_at = time.monotonic() + max(0.02, 20 * (time.monotonic() - now))
        return True

    def look(self) -> None:
        """Measure what they all hold now."""
        self.peak_pss_bytes = max(self.peak_pss_bytes, sum(map(tree_pss_bytes, self._pids)))

    def signal(self, pid: int, number: int) -> None:
        """To one that was started here, and its group; it may be gone."""
        if pid in self._pids:
            _signal_group(pid, number)

    def wait(self, pid: int) -> int | None:
        """Its exit code once it is gone; None when it had to be killed, or was."""
        until = time.monotonic() + _PATIENCE_SECONDS
        killed = False
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() > until:
                if killed:
                    # The kernel holds it (state D): it is left to the end of the container.
                    self._pids.remove(pid)
                    return None
                _signal_group(pid, signal.SIGKILL)
                killed, until = True, time.monotonic() + _PATIENCE_SECONDS
            time.sleep(0.001)
        # Not reaped yet, so the number of its group cannot be another's.
        _signal_group(pid, signal.SIGKILL)
        self._pids.remove(pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return None if code < 0 else code

    def kill(self) -> None:
        for pid in tuple(self._pids):
            _signal_group(pid, signal.SIGKILL)
            self.wait(pid)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except OSError:
        # It is gone already.
        return
