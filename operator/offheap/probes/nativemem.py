"""Allocation stacks of native memory that is not given back, with Java frames, without a restart.

What it adds to the JVM stays there until the JVM ends: async-profiler cannot be unloaded. While it records, a thread that
does nothing but make and end Deflaters, 30 000 a second, is 12 % slower on 17.0.21 and 25.0.5; afterwards no slower at all.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="nativemem",
    level="Profile",
    what="who allocates native memory and does not give it back, by async-profiler: stacks with Java and native frames; "
    "its library stays in the JVM's memory until the JVM ends, with hooks that do nothing any more",
    needs=(
        "HotSpot on glibc, with its malloc or jemalloc",
        "all that the jvm probe needs",
        "a writable /tmp without noexec and with 4 MiB free",
        "no other copy of async-profiler in the JVM",
    ),
    memory_bytes=18 << 20,
    pause_seconds=0.001,
    yields=("start", "watch", "stop"),
)
