"""Stacks of threads that run and of threads that touch new memory, by perf.

In a collector of its own, as root with CAP_PERFMON and CAP_SYS_PTRACE, where it is asked for by name.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="perf",
    level="Profile",
    what="stacks of the threads that run (weights: milliseconds of processor time) and of those whose page faults make "
    "the resident size grow (weights: faults), with the names of compiled Java code",
    needs=(
        "perf in the collector's image",
        "CAP_PERFMON, or kernel.perf_event_paranoid <= 1 and the target's user",
        "a seccomp profile that allows perf_event_open(2)",
        "JDK 17 or later for Java names, -XX:+PreserveFramePointer for the callers of compiled code",
    ),
    memory_bytes=32 << 20,
    pause_seconds=0.0,
    yields=("threads", "page_faults"),
)
