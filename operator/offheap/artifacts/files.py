"""From what the collectors said to the files that are kept of it. Pure.

The raw stream of every collector is kept whole: it is what was taken, whatever a later version makes of it. Beside it lie the
profiles as the tools wrote them, and, to be read without tools, the texts of the first and the last sample and of every
evidence that a finding cites.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from offheap.artifacts.manifest import StreamNote
from offheap.artifacts.names import Names
from offheap.evidence.stream import EvidenceRecord, Stream

STREAM_ENDING = ".ndjson.gz"
PACK_FROM_BYTES = 16 << 10
"""Smaller texts stay as they are, to be read at a glance."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to keep. ``name`` is relative, with at most one folder; ``source`` an evidence's id like ``nmt/summary@12``."""

    name: str
    kind: str
    data: bytes
    source: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One collector, the lines it wrote, and the same lines read."""

    collector: str
    step: str
    pod: str
    lines: Sequence[str]
    stream: Stream
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files, most valuable first, and what each stream holds and lacks."""

    files: tuple[File, ...]
    streams: tuple[StreamNote, ...]


def gather(said: Sequence[Said], cited: Collection[str] = ()) -> Gathered:
    """The same streams give the same files, byte for byte. ``cited`` are evidence ids.

    Order: raw streams (samplers first), profiles, texts of the last sample, cited ones, those of the first sample.
    """
    names = Names()
    ranked = sorted(said, key=lambda one: (one.step.lower() != "sample",))
    streams = [raw_stream(one, names) for one in ranked if one.lines]
    blobs = [file for one in ranked for file in _blobs(one, names)]
    texts = sorted((text for one in ranked for text in _texts(one, cited)), key=lambda text: text.rank)
    return Gathered(
        files=(*streams, *blobs, *(_text_file(text.record, names) for text in texts)),
        streams=tuple(note(one) for one in said),
    )


def note(said: Said) -> StreamNote:
    """What this stream holds, with its gaps in words."""
    stream = said.stream
    samples = sorted({record.sample for record in stream.evidence if record.sample is not None})
    times = sorted(record.at for record in stream.evidence)
    return StreamNote(
        collector=said.collector,
        step=said.step,
        pod=said.pod,
        outcome=stream.end.outcome if stream.end else "",
        samples=len(samples),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
        gaps=stream.gaps,
        bad_lines=stream.bad_lines,
        statement=" ".join(_statements(stream, len(samples), times[-1] if times else None)),
    )


def _statements(stream: Stream, samples: int, last_at: float | None) -> Iterator[str]:
    count = "1 sample" if samples == 1 else f"{samples} samples"
    until = f"{count} until {_clock(last_at)}" if last_at is not None else "no evidence"
    if stream.end is None:
        yield f"The stream has no end: its collector died, with the target or for itself; {until}."
    elif stream.end.outcome != "Completed":
        yield f"The collector ended with {stream.end.outcome} ({stream.end.message}); {until}."
    else:
        yield f"Whole: {until}."
    for first, last in stream.gaps:
        yield f"Records {first} to {last} are missing." if last > first else f"Record {first} is missing."
    if stream.bad_lines:
        yield f"Lines that could not be read: {stream.bad_lines}."


def _clock(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "an unknown time"


def stream_stem(step: str, stage: str, pod: str) -> str:
    """Name of the file of a collector's lines, without its ending. A StatefulSet's pods have the same name in each stage."""
    of = "" if stage in ("", "Baseline") else f"{stage.lower()}-"
    return f"collector-{step.lower()}-{of}{pod}"


def raw_stream(said: Said, names: Names) -> File:
    """The file that keeps a collector's lines as they are."""
    text = "".join(f"{line}\n" for line in said.lines).encode(errors="replace")
    stem = stream_stem(said.step, said.stage, said.pod)
    return File(names.take(stem, STREAM_ENDING), "stream", _packed(text))


def _blobs(said: Said, names: Names) -> Iterator[File]:
    # The last one shows the most, and with the first what has grown; those between come after.
    blobs = sorted(said.stream.blobs, key=lambda blob: blob.seq)
    for blob in [*blobs[-1:], *blobs[:-1]]:
        stem, dot, ending = blob.name.rpartition(".")
        name = names.take(f"{blob.probe}/{_flat(stem if dot else blob.name)}", f".{_flat(ending)}" if dot else "")
        yield File(name, blob.kind or "blob", blob.data, f"{blob.probe}/{blob.name}@{blob.sample or 0}")


def _flat(name: str) -> str:
    return name.replace("/", "_")


@dataclass(frozen=True, slots=True)
class _Text:
    """An evidence worth a file of its own. ``rank``: 0 of the last sample, 1 cited, 2 of the first."""

    rank: int
    record: EvidenceRecord


def _texts(said: Said, cited: Collection[str]) -> Iterator[_Text]:
    """By evidence, not by sample in all: a costly probe runs at a few samples only."""
    series: dict[tuple[str, str], list[EvidenceRecord]] = {}
    for record in said.stream.evidence:
        series.setdefault((record.probe, record.name), []).append(record)
    for records in series.values():
        for record in records:
            if record is records[-1]:
                yield _Text(0, record)
            elif _source(record) in cited:
                yield _Text(1, record)
            elif record is records[0]:
                yield _Text(2, record)


def _text_file(record: EvidenceRecord, names: Names) -> File:
    if isinstance(record.data, str):
        text, kind, ending = record.data, "text", ".txt"
    else:
        text, kind, ending = json.dumps(record.data, indent=1) + "\n", "json", ".json"
    data = text.encode(errors="replace")
    if len(data) >= PACK_FROM_BYTES:
        data, ending = _packed(data), ending + ".gz"
    stem = f"{_flat(record.probe)}/{_flat(record.name)}"
    at = "" if record.sample is None else f"@{record.sample}"
    return File(names.take(stem + at, ending), kind, data, _source(record))


def _source(record: EvidenceRecord) -> str:
    return f"{record.probe}/{record.name}" + ("" if record.sample is None else f"@{record.sample}")


def _packed(data: bytes) -> bytes:
    """Without the time in its header, so that the same text gives the same bytes."""
    return gzip.compress(data, compresslevel=6, mtime=0)
