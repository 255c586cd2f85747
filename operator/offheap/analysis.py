"""From what the collectors said to the diagnosis, the outcome of each probe, and the files to keep.

Pure computing, some seconds of it for a long run, so the loop runs it beside itself.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from offheap.api.v1alpha1 import Artifact, CollectorStatus, ProbeStatus, StageStatus
from offheap.artifacts.files import STREAM_ENDING, File, Gathered, Said, gather, note, raw_stream, stream_stem
from offheap.artifacts.jeprof import jeprof_files
from offheap.artifacts.names import Names
from offheap.artifacts.store import Kept
from offheap.diagnosis import Diagnosis, diagnose_with
from offheap.drawings import SYMBOLIZED, drawings
from offheap.evidence.bundle import bundle
from offheap.evidence.sample import Evidence
from offheap.evidence.stream import MOST_BYTES, Stream, read_stream
from offheap.investigation.problems import Problem
from offheap.investigation.verdicts import probe_outcomes, stage_outcomes

MOST_INFLATED_BYTES = 160 << 20
"""Of all streams of one investigation together; the operator has 768 MiB for all that it does."""
MOST_ARTIFACTS = 40
"""In the status; the manifest lists all."""


@dataclass(frozen=True)
class Spoken:
    """One collector, and every line of it."""

    collector: CollectorStatus
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Weighed:
    """What an investigation has found out. ``evidence`` is that of the main stage, ``staged`` that of every other."""

    diagnosis: Diagnosis
    probes: tuple[ProbeStatus, ...]
    evidence: Evidence
    staged: tuple[tuple[str, Evidence], ...]
    gathered: Gathered


def weigh(spoken: Sequence[Spoken], stages: Sequence[StageStatus]) -> Weighed:
    """Weighs all that was said. The first stage is what the verdict is about; the others are compared with it."""
    share = MOST_INFLATED_BYTES // max(1, sum(one.collector.stage is not None for one in spoken))
    said = [_said(one, min(MOST_BYTES, share)) for one in spoken]
    streams = {one.collector.name: text.stream for one, text in zip(spoken, said, strict=True)}
    names = list(dict.fromkeys(one.collector.stage for one in spoken if one.collector.stage is not None))
    evidence = {str(name): bundle(_of_stage(spoken, streams, str(name))) for name in names}
    main = evidence.pop(str(names[0])) if names else bundle(list(streams.values()))
    staged = tuple(evidence.items())
    diagnosis = diagnose_with(main, staged)
    probes = (*probe_outcomes(list(streams.values())), *stage_outcomes(stages))
    cited = {source for finding in diagnosis.findings for source in finding.evidence}
    return Weighed(diagnosis, probes, main, staged, gather(said, cited))


def gather_all(spoken: Sequence[Spoken]) -> Gathered:
    """The files of these collectors, profiles and all."""
    return gather([_said(one) for one in spoken])


def raw(spoken: Spoken) -> Gathered:
    """The file that keeps one collector's lines as they are."""
    said = _said(spoken)
    return Gathered((raw_stream(said, Names()),) if said.lines else (), (note(said),))


def stream_name(collector: CollectorStatus) -> str:
    """Of the file that keeps a collector's lines."""
    return stream_stem(collector.step, collector.stage or "", collector.pod) + STREAM_ENDING


def unpacked(data: bytes | None) -> tuple[str, ...]:
    """The lines of such a file; none when there is none, or none that can be read."""
    try:
        return tuple(gzip.decompress(data or b"").decode(errors="replace").splitlines())
    except (OSError, EOFError, zlib.error):
        return ()


def told(kept: Kept) -> tuple[tuple[Artifact, ...], int, Problem | None]:
    """What the status shows of a save: as many files as it has room for, how many more there are, and what went wrong."""
    shown = tuple(
        Artifact(id=one.id, kind=one.kind, uri=one.uri, size=one.size_bytes, sha256=one.sha256)
        for one in kept.saved[:MOST_ARTIFACTS]
    )
    return shown, len(kept.saved) - len(shown), kept.problem


async def draw(weighed: Weighed) -> tuple[File, ...]:
    """What is made of the evidence for people and for other tools, the most telling first."""
    return await asyncio.to_thread(_drawn, weighed)


def _drawn(weighed: Weighed) -> tuple[File, ...]:
    staged = (file for name, evidence in weighed.staged for file in drawings(evidence, f"-{name}"))
    made = (*drawings(weighed.evidence), *staged)
    return (*made, *jeprof_files(made, SYMBOLIZED))


def _said(one: Spoken, most_bytes: int = MOST_BYTES) -> Said:
    collector = one.collector
    stream = read_stream(one.lines, most_bytes=most_bytes)
    return Said(collector.name, collector.step, collector.pod, one.lines, stream, collector.stage or "")


def _of_stage(spoken: Sequence[Spoken], streams: dict[str, Stream], stage: str) -> list[Stream]:
    """Its samplers, and what looked at the same pods before."""
    pods: Collection[str] = {one.collector.pod_uid for one in spoken if one.collector.stage == stage}
    return [
        streams[one.collector.name]
        for one in spoken
        if one.collector.stage == stage or (one.collector.stage is None and one.collector.pod_uid in pods)
    ]
