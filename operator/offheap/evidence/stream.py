"""The collector's stream: newline-delimited JSON, read back from a container's log.

Logs can be cut, repeated (the operator polls) and mixed with foreign lines, so reading is total: records are sorted by
their sequence number, duplicates dropped, gaps and unreadable lines told.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_MAX_INFLATED_BYTES = 16 << 20
"""No evidence is larger; a record that inflates beyond it is broken or hostile."""
_MAX_BLOB_BYTES = 64 << 20
MOST_BYTES = 64 << 20
"""Of all that one stream inflates to: a full stream of 8 MiB of real texts comes to 30 to 56 MiB, one of the same letter to
gibibytes."""

_MOST_COST_BYTES, _MOST_COST_SECONDS = 1 << 50, 1e7
"""A cost beyond is no collector's, and no status has room for its digits."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The collector's first word."""

    at: float
    version: int
    step: str


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """One evidence as it was sent. `data` is a JSON value or a text; `sample` groups those of one instant.
    `pause_seconds` is how long the target stood still for it."""

    seq: int
    at: float
    elapsed_seconds: float
    probe: str
    name: str
    sample: int | None
    data: object
    wall_seconds: float = 0.0
    pause_seconds: float = 0.0
    peak_pss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a tool wrote, as they are: a profile. Only whole ones are here; `sample` is the instant they left at."""

    seq: int
    at: float
    probe: str
    name: str
    kind: str
    sample: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """A probe that could not run: the reason in CamelCase, the message with the way to mend it."""

    probe: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """How the collector ended and what it cost in all."""

    outcome: str
    message: str
    peak_pss_bytes: int = 0
    cpu_seconds: float = 0.0
    pause_seconds: float = 0.0
    stream_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything one collector said. `gaps` are [first, last] of missing sequence numbers, both inclusive;
    `last_seq` is -1 when nothing could be read."""

    hello: Hello | None = None
    evidence: tuple[EvidenceRecord, ...] = ()
    blobs: tuple[Blob, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    end: End | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    bad_lines: int = 0
    last_seq: int = -1
    sent: tuple[tuple[str, int], ...] = ()
    """Bytes of the stream by probe."""


class _Room:
    """What may still be inflated."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes

    def inflate(self, packed: bytes, most_bytes: int) -> bytes | None:
        """None for what is broken, not whole, or too large."""
        if self._left_bytes <= 0:  # to zlib 0 is no bound at all
            return None
        inflater = zlib.decompressobj()
        try:
            data = inflater.decompress(packed, min(most_bytes, self._left_bytes))
        except zlib.error:
            return None
        if not inflater.eof:
            return None
        self._left_bytes -= len(data)
        return data


def read_stream(lines: Iterable[str], *, bulk: bool = True, most_bytes: int = MOST_BYTES) -> Stream:
    """Read what is there of a stream. Never raises. Without `bulk` the compressed texts are left out (their data is ""):
    who only follows a stream does not need them. What would inflate to more than `most_bytes` in all is a bad line."""
    records: dict[int, dict[str, object]] = {}
    sent: dict[str, int] = {}
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            bad += 1
        elif (seq := _whole(record["seq"])) not in records:
            records[seq] = record
            if probe := _text(record.get("probe")):
                sent[probe] = sent.get(probe, 0) + len(line.encode(errors="replace")) + 1

    hello: Hello | None = None
    end: End | None = None
    evidence: list[EvidenceRecord] = []
    skipped: list[Skipped] = []
    parts: list[tuple[int, dict[str, object]]] = []
    room = _Room(most_bytes)
    for seq in sorted(records):
        record = records[seq]
        kind = record.get("type")
        if kind == "hello":
            hello = hello or Hello(_real(record.get("at")), _whole(record.get("version")), _text(record.get("step")))
        elif kind == "skipped":
            reason, message = _text(record.get("reason")), _text(record.get("message"))
            skipped.append(Skipped(_text(record.get("probe")), reason, message))
        elif kind == "end":
            end = _end(record)
        elif kind == "blob":
            parts.append((seq, record))
        elif kind == "evidence":
            item = _evidence(seq, record, room if bulk else None)
            if item is None:
                bad += 1
            else:
                evidence.append(item)
    return Stream(
        hello=hello,
        evidence=tuple(evidence),
        blobs=tuple(_blobs(parts, room)) if bulk else (),
        skipped=tuple(skipped),
        end=end,
        gaps=_gaps(sorted(records)),
        bad_lines=bad,
        last_seq=max(records, default=-1),
        sent=tuple(sorted(sent.items())),
    )


def _record(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return None
    seq = value.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq < 1 << 31:
        return None
    return value


def _evidence(seq: int, record: dict[str, object], room: _Room | None) -> EvidenceRecord | None:
    data = record.get("data")
    if data is None and isinstance(record.get("zdata"), str):
        data = _inflate(_text(record["zdata"]), room) if room else ""
    if data is None:
        return None
    cost = record.get("cost")
    costs = cost if isinstance(cost, dict) else {}
    return EvidenceRecord(
        seq=seq,
        at=_real(record.get("at")),
        elapsed_seconds=_real(record.get("elapsed")),
        probe=_text(record.get("probe")),
        name=_text(record.get("name")),
        sample=_sample(record),
        data=data,
        wall_seconds=_seconds(costs.get("wall_seconds")),
        pause_seconds=_seconds(costs.get("pause_seconds")),
        peak_pss_bytes=_bytes(costs.get("peak_pss_bytes")),
    )


def _sample(record: Mapping[str, object]) -> int | None:
    """Number of the instant; None for what belongs to none."""
    sample = record.get("sample")
    return sample if isinstance(sample, int) and not isinstance(sample, bool) and sample >= 0 else None


def _blobs(parts: Sequence[tuple[int, Mapping[str, object]]], room: _Room) -> Iterator[Blob]:
    """Parts follow each other in the stream; the last one tells size and CRC-32 of the whole. One that is not whole, or not
    what it says, is left out: its end never came, or a part is in a gap."""
    packed: list[bytes] = []
    for seq, record in parts:
        if record.get("part") == 0:
            packed = []
        try:
            packed.append(base64.b64decode(_text(record.get("zdata")), validate=True))
        except ValueError:
            packed = []
            continue
        if "crc32" not in record:
            continue
        is_whole = len(packed) == _whole(record.get("part")) + 1
        data = room.inflate(b"".join(packed), _MAX_BLOB_BYTES) if is_whole else None
        packed = []
        if data is None or len(data) != record.get("size_bytes") or zlib.crc32(data) != record.get("crc32"):
            continue
        yield Blob(
            seq=seq,
            at=_real(record.get("at")),
            probe=_text(record.get("probe")),
            name=_text(record.get("name")),
            kind=_text(record.get("kind")),
            sample=_sample(record),
            data=data,
        )


def _inflate(text: str, room: _Room) -> str | None:
    try:
        packed = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    inflated = room.inflate(packed, _MAX_INFLATED_BYTES)
    return None if inflated is None else inflated.decode(errors="replace")


def _end(record: dict[str, object]) -> End:
    cost = record.get("cost")
    costs = cost if isinstance(cost, dict) else {}
    return End(
        outcome=_text(record.get("outcome")) or "Error",
        message=_text(record.get("message")),
        peak_pss_bytes=_bytes(costs.get("peak_pss_bytes")),
        cpu_seconds=_seconds(costs.get("cpu_seconds")),
        pause_seconds=_seconds(costs.get("pause_seconds")),
        stream_bytes=_bytes(costs.get("stream_bytes")),
    )


def _gaps(present: list[int]) -> tuple[tuple[int, int], ...]:
    gaps: list[tuple[int, int]] = []
    expected = 0
    for seq in present:
        if seq > expected:
            gaps.append((expected, seq - 1))
        expected = seq + 1
    return tuple(gaps)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _bytes(value: object) -> int:
    return min(max(0, _whole(value)), _MOST_COST_BYTES)


def _seconds(value: object) -> float:
    return min(max(0.0, _real(value)), _MOST_COST_SECONDS)


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0
