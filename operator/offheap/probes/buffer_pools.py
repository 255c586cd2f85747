"""Direct and mapped buffers as the JVM counts them, without a JMX port.

From JDK 21 on the JVM warns on its stderr at each load of an agent.
"""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="buffer-pools",
    level="Profile",
    what="direct and mapped buffers, the limit that holds for them, and Netty's own counters where Netty is loaded; "
    "a JVM of JDK 21 or later writes a warning of four lines to its stderr at each load, at most once a minute",
    needs=(
        "HotSpot with the modules java.instrument and java.management",
        "all that the jvm probe needs",
        "a writable /tmp",
    ),
    memory_bytes=14 << 20,
    pause_seconds=0.0001,
    yields=("pools",),
)
