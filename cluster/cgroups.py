"""The cluster's cgroup, under which the kubelet puts all pods: a folder in each cgroup v1 hierarchy, or one of v2."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from .progress import Failed
from .settings import Cluster

ROOT = Path("/sys/fs/cgroup")
EMPTY_TIMEOUT_SECONDS = 30.0


def _hierarchies() -> list[Path]:
    """The folders in which every cgroup of the machine has a counterpart."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [
        folder for folder in sorted(ROOT.iterdir()) if not folder.is_symlink() and (folder / "cgroup.procs").exists()
    ]


def ensure(cluster: Cluster) -> None:
    """Makes the cgroup; v1's cpuset starts empty and takes no process until it has CPUs and memory nodes."""
    for hierarchy in _hierarchies():
        folder = hierarchy / cluster.name
        folder.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (folder / setting).exists() and hierarchy != ROOT and not (folder / setting).read_text().strip():
                (folder / setting).write_text((hierarchy / setting).read_text())
    if (ROOT / "cgroup.controllers").exists():
        for controller in (ROOT / "cgroup.controllers").read_text().split():
            for folder in (ROOT, ROOT / cluster.name):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(cluster: Cluster) -> None:
    """Kills every process in the cgroup (the pods' containers), then removes it from every hierarchy."""
    end = time.monotonic() + EMPTY_TIMEOUT_SECONDS
    while members := {pid for tree in _trees(cluster) for folder in _deepest_first(tree) for pid in _members(folder)}:
        if time.monotonic() > end:
            raise Failed(f"processes {sorted(members)} in the cgroup {cluster.name} do not die")
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
    for tree in _trees(cluster):
        for folder in _deepest_first(tree):
            with suppress(FileNotFoundError):  # a shim that ends removes its own
                folder.rmdir()


def exists(cluster: Cluster) -> bool:
    """Whether any hierarchy still has the cgroup."""
    return bool(_trees(cluster))


def _trees(cluster: Cluster) -> list[Path]:
    return [hierarchy / cluster.name for hierarchy in _hierarchies() if (hierarchy / cluster.name).is_dir()]


def _deepest_first(tree: Path) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk(tree, topdown=False)]


def _members(folder: Path) -> list[int]:
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []
