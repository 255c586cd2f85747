"""What the growing anonymous memory holds, dumped by a debugger that stops the target meanwhile.

The figures: gdb 16 without symbols holds 32 MiB at most, the collector 4 MiB of what it dumped. Measured stops for attach, 4 MiB,
and detach: 17 to 55 ms with 20 threads, 143 ms with 400.
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
