"""What the growing anonymous memory holds, dumped by a debugger that stops the target meanwhile.

The figures: gdb 16 without symbols holds 31 MiB and each range it dumps, and an attach to a JVM with what it dumps took 60 to
340 ms here, most of it on a busy machine.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="gdb",
    level="Pause",
    what="what the growing anonymous memory holds, all of one moment; the same answer as memory, from a dump",
    needs=(
        "gdb 16 or newer in the collector's image",
        "a seccomp profile that allows ptrace(2)",
        "the target's user and group, and no fewer capabilities than it has",
        "CAP_SYS_PTRACE where Yama restricts ptrace",
        "a liveness probe whose period is longer than the pause",
    ),
    memory_bytes=44 << 20,
    pause_seconds=0.25,
    yields=("baseline", "content"),
)
