"""Says what runs and for how long, and bounds every wait.

On a terminal the line of the running step counts the seconds; elsewhere a step prints when it has ended, and a long one
every 15 seconds, so that a log shows life without being flooded.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 25
HEARTBEAT_SECONDS = 15.0


class Failed(Exception):  # noqa: N818 - "except Failed" reads as what it means
    """A step failed; the message is for the person at the terminal, `log` is the file that says why."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def report(self) -> str:
        """The message, followed by the last lines of the log."""
        if self.log is None or not self.log.exists():
            return str(self)
        tail = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([str(self), f"--- the last lines of {self.log}:", *(line[:400] for line in tail)])


@contextmanager
def step(title: str) -> Iterator[None]:
    """Shows `title` with the seconds it takes, until the block ends."""
    start = time.monotonic()
    done = threading.Event()
    terminal = sys.stdout.isatty()

    def tick() -> None:
        while not done.wait(1.0 if terminal else HEARTBEAT_SECONDS):
            print(f"{_line('…', title, start)}", end="\r" if terminal else "\n", flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    mark = "✗"
    try:
        yield
        mark = "✓"
    finally:
        done.set()
        ticker.join()
        print(_line(mark, title, start), flush=True)


def _line(mark: str, title: str, start: float) -> str:
    return f"{mark} {title:<64} {time.monotonic() - start:6.1f} s"


def wait_until(what: str, ready: Callable[[], bool], timeout_seconds: float, log: Path | None = None) -> None:
    """Polls `ready` until it is true; after `timeout_seconds` it fails and names what did not come."""
    end = time.monotonic() + timeout_seconds
    while not ready():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout_seconds:g} s", log)
        time.sleep(0.1)


def run(
    command: Sequence[str | Path],
    timeout_seconds: float = 60,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Runs a command to its end and returns its standard output; what it said goes into the failure."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            cwd=folder,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"`{' '.join(words)}` did not end within {timeout_seconds:g} s") from None
    except OSError as error:
        raise Failed(f"`{words[0]}` cannot be started: {error}") from None
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).splitlines()[-TAIL_LINES:])
        raise Failed(f"`{' '.join(words)}` exited {done.returncode}:\n{said}")
    return done.stdout


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    timeout_seconds: float,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Runs a long command with its output in `log`, whose last lines a failure shows."""
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                words,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                timeout=timeout_seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            raise Failed(f"`{' '.join(words)}` did not end within {timeout_seconds:g} s", log) from None
        except OSError as error:
            raise Failed(f"`{words[0]}` cannot be started: {error}") from None
    if code:
        raise Failed(f"`{' '.join(words)}` exited {code}", log)
