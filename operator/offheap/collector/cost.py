"""What the collector itself costs the target: memory charged to its pod, processor time, time it stood still.

Memory is Pss (smaps_rollup), so shared library pages are not counted twice; measured on the own process and on what it
starts.
"""

from __future__ import annotations

import os

_MOST_CHILDREN = 64


def pss_bytes(pid: int | str) -> int:
    """Proportional set size of a process; 0 when it cannot be read (gone, or another user's)."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
            for line in rollup:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        return 0
    return 0


def tree_pss_bytes(pid: int) -> int:
    """Pss of a process and all its descendants, as far as its kernel tells them (CONFIG_PROC_CHILDREN)."""
    total = 0
    pids = [pid]
    for process in pids:
        total += pss_bytes(process)
        try:
            with open(f"/proc/{process}/task/{process}/children", "rb") as children:
                pids += [int(child) for child in children.read().split()][:_MOST_CHILDREN]
        except OSError:
            continue
        if len(pids) > _MOST_CHILDREN:
            break
    return total


class Meter:
    """Sums up over one run of the collector."""

    def __init__(self) -> None:
        self.peak_pss_bytes = pss_bytes("self")
        self.pause_seconds = 0.0
        self._since_begin_bytes = 0

    def begin(self) -> None:
        """From here on `since_begin_bytes` counts anew: one take's own price."""
        self._since_begin_bytes = 0

    def since_begin_bytes(self) -> int:
        """Most Pss of the collector and its child since `begin`."""
        self.note_memory()
        return self._since_begin_bytes

    def note_memory(self, child_pss_bytes: int = 0) -> int:
        """Measure now; returns the own Pss."""
        own = pss_bytes("self")
        self.peak_pss_bytes = max(self.peak_pss_bytes, own + child_pss_bytes)
        self._since_begin_bytes = max(self._since_begin_bytes, own + child_pss_bytes)
        return own

    def note_pause(self, seconds: float) -> None:
        self.pause_seconds += seconds

    def total(self) -> dict[str, float]:
        """The `cost` of the end record."""
        self.note_memory()
        used = os.times()
        cpu = used.user + used.system + used.children_user + used.children_system
        return {
            "peak_pss_bytes": self.peak_pss_bytes,
            "cpu_seconds": round(cpu, 3),
            "pause_seconds": round(self.pause_seconds, 6),
        }
