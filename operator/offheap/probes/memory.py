"""What the growing anonymous memory holds, as classes of strings and redacted beginnings. Nothing is stopped for it.

The kernel asks for the right to attach (PTRACE_MODE_ATTACH), although nothing is attached.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="memory",
    level="Profile",
    what="what the growing anonymous memory holds: classes of strings, magic numbers, entropy, redacted beginnings; whose it is",
    needs=(
        "the target's user and group, and no fewer capabilities than it has",
        "CAP_SYS_PTRACE where Yama restricts ptrace",
    ),
    memory_bytes=6 << 20,
    pause_seconds=0.0,
    yields=("baseline", "content"),
)
