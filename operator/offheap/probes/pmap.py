"""Which mappings grow: ``pmap | sort`` over time, with the JVM's own regions taken out. Made of what smaps brings."""

from __future__ import annotations

from offheap.probes.probe import Probe

PROBE = Probe(
    name="pmap",
    level="Observe",
    what="the growing mappings that are none of the JVM's own, ranked by growth",
    needs=("smaps at two samples or more",),
    memory_bytes=0,
    pause_seconds=0.0,
    yields=(),
    derived_from="smaps/smaps",
)
