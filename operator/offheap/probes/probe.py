"""What a probe is, seen from the operator: what it does to the target, what it needs and costs, and what it brings.

How it is run is the collector's business (`offheap.collector.probes`, a file of the same name): that program is copied
alone into its image, so the two halves meet in the names only, and a test holds them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.api.words import Intrusion


@dataclass(frozen=True, slots=True)
class Probe:
    """One way to take evidence.

    `memory_bytes` is the most it adds to the target's pod beyond the collector itself, `pause_seconds` the most it stops
    the target's threads at one time; both as measured on a JVM of 1 GiB with 400 threads.
    """

    name: str
    level: Intrusion
    what: str
    needs: tuple[str, ...]
    memory_bytes: int
    pause_seconds: float
    yields: tuple[str, ...]
    derived_from: str | None = None
    """Evidence of another probe that the operator makes this one of, such as ``smaps/smaps``: it costs nothing more."""
