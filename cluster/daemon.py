"""One long-running process of the cluster: started detached, recognised later by pid, start time and command.

A pid alone is not enough: it may belong to another process by the time the cluster is looked at again.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .progress import Failed
from .settings import Cluster

STOP_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Daemon:
    """What to run and how to see that it works."""

    name: str
    command: tuple[str, ...]
    healthy: Callable[[], bool]
    inputs: tuple[Path, ...] = ()
    """Configuration files: when their content changes, the process is started anew."""
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[str, ...] | None = None
    """What tells it from another one, where the command has paths of this checkout in it: checkouts share a cluster."""
    start_timeout_seconds: float = 60.0

    def log(self, cluster: Cluster) -> Path:
        return cluster.logs / f"{self.name}.log"

    def fingerprint(self) -> str:
        """Changes when the process would be another one if it were started now."""
        told_by = self.identity or (self.command, sorted(self.environment.items()))
        digest = hashlib.sha256(repr(told_by).encode())
        for file in self.inputs:
            digest.update(file.read_bytes())
        return digest.hexdigest()


def start(cluster: Cluster, daemon: Daemon) -> None:
    """Starts it in a session of its own; the log of the run before is kept beside the new one."""
    log = daemon.log(cluster)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.rename(log.with_suffix(".log.before"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            daemon.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=os.environ | daemon.environment,
        )
    record = {"pid": process.pid, "start": _start_time(process.pid), "fingerprint": daemon.fingerprint()}
    cluster.run.mkdir(parents=True, exist_ok=True)
    _record(cluster, daemon.name).write_text(json.dumps(record))


def wait_healthy(cluster: Cluster, daemon: Daemon) -> None:
    """Waits until it answers; a process that has exited fails at once, with its log."""
    end = time.monotonic() + daemon.start_timeout_seconds
    while not daemon.healthy():
        if pid_of(cluster, daemon.name) is None:
            raise Failed(f"{daemon.name} exited at its start", daemon.log(cluster))
        if time.monotonic() > end:
            raise Failed(f"{daemon.name}: not healthy within {daemon.start_timeout_seconds:g} s", daemon.log(cluster))
        time.sleep(0.1)


def current(cluster: Cluster, daemon: Daemon) -> bool:
    """Whether it runs, as it would be started now."""
    pid = pid_of(cluster, daemon.name)
    return pid is not None and _read(cluster, daemon.name).get("fingerprint") == daemon.fingerprint()


def pid_of(cluster: Cluster, name: str) -> int | None:
    """Its pid while it lives. A zombie does not live: our own child stays one until it is waited for."""
    record = _read(cluster, name)
    pid = record.get("pid")
    if not isinstance(pid, int) or record.get("start") is None or _start_time(pid) != record["start"]:
        return None
    return pid


def stop(cluster: Cluster, name: str, patience_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
    """SIGTERM, after a while SIGKILL, and no return before it is gone: its successor needs its port."""
    end = time.monotonic() + patience_seconds
    wanted = signal.SIGTERM
    while (pid := pid_of(cluster, name)) is not None:
        if time.monotonic() > end:
            if wanted == signal.SIGKILL:
                raise Failed(f"{name} (pid {pid}) does not die")
            wanted, end = signal.SIGKILL, time.monotonic() + STOP_TIMEOUT_SECONDS
        try:
            os.kill(pid, wanted)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    _record(cluster, name).unlink(missing_ok=True)


def recorded(cluster: Cluster) -> list[str]:
    """The names of all processes that were started and not stopped."""
    return sorted(file.stem for file in cluster.run.glob("*.process"))


def _record(cluster: Cluster, name: str) -> Path:
    return cluster.run / f"{name}.process"


def _read(cluster: Cluster, name: str) -> dict[str, object]:
    try:
        record = json.loads(_record(cluster, name).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _start_time(pid: int) -> int | None:
    """Clock ticks since boot (field 22 of /proc/PID/stat), or None for a process that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
