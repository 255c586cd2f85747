"""What is made of the evidence for people and for other tools: tables, stacks, and profiles in the formats of pprof and jeprof."""

from __future__ import annotations

from offheap.artifacts.files import File
from offheap.evidence.regions import growing_regions, render
from offheap.evidence.sample import Evidence


def tables(evidence: Evidence) -> tuple[File, ...]:
    """Pure."""
    grown = growing_regions(evidence.readings)
    if not grown:
        return ()
    return (File("pmap/growing-regions.txt", "table", render(grown).encode()),)
