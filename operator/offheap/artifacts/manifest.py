"""The table of contents beside the files of one investigation, as JSON. Pure; reading is total, for a bucket is not ours alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = 1


@dataclass(frozen=True, slots=True)
class Key:
    """The investigation that files belong to. The uid keeps one apart from its successor of the same name."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored file: size and SHA-256 are those of the object as it lies there. ``source`` is the evidence's id, or empty."""

    name: str
    kind: str
    size_bytes: int
    sha256: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was not stored, and why."""

    name: str
    kind: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that evidence was taken from."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class StreamNote:
    """What one collector's stream holds and, in ``statement``, what it lacks. Times are unix seconds of the node."""

    collector: str
    step: str
    pod: str
    outcome: str
    samples: int
    first_at: float | None
    last_at: float | None
    gaps: tuple[tuple[int, int], ...]
    bad_lines: int
    statement: str


@dataclass(frozen=True, slots=True)
class About:
    """What the manifest says beside the list of files."""

    pods: tuple[Pod, ...] = ()
    streams: tuple[StreamNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it. ``expires`` None: kept until somebody removes it."""

    key: Key
    created: datetime
    expires: datetime | None
    about: About = About()
    files: tuple[Entry, ...] = ()
    dropped: tuple[Dropped, ...] = ()


def write_manifest(manifest: Manifest) -> bytes:
    """The same manifest gives the same bytes."""
    document = {
        "version": VERSION,
        "investigation": asdict(manifest.key),
        "created": _stamp(manifest.created),
        "expires": _stamp(manifest.expires) if manifest.expires else None,
        "pods": [asdict(pod) for pod in manifest.about.pods],
        "streams": [asdict(stream) for stream in manifest.about.streams],
        "files": [asdict(entry) for entry in manifest.files],
        "dropped": [asdict(one) for one in manifest.dropped],
    }
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()


def read_manifest(data: bytes) -> Manifest | None:
    """All of it again; None when it is none that this version wrote. Never raises."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        return None
    key, created = _key(document.get("investigation")), _time(document.get("created"))
    expires = _time(document.get("expires"))
    if key is None or created is None or (expires is None and document.get("expires") is not None):
        return None
    about = About(_pods(document.get("pods")), _streams(document.get("streams")))
    files, dropped = tuple(_entries(document.get("files"))), tuple(_dropped(document.get("dropped")))
    return Manifest(key, created, expires, about, files, dropped)


def merged(now: Sequence[Entry], before: Sequence[Entry]) -> tuple[Entry, ...]:
    """What is stored now, and what an earlier save had stored under other names: nothing that was kept is ever lost."""
    names = {entry.name for entry in now}
    return (*now, *(entry for entry in before if entry.name not in names))


def joined(now: About, before: About) -> About:
    """What is said now, and what an earlier save had said of other pods and streams."""
    pods = {pod.uid for pod in now.pods}
    streams = {one.collector for one in now.streams}
    return About(
        (*(pod for pod in before.pods if pod.uid not in pods), *now.pods),
        (*(one for one in before.streams if one.collector not in streams), *now.streams),
    )


def _dropped(value: object) -> Iterator[Dropped]:
    for row in _rows(value):
        texts = [row.get(name) for name in ("name", "kind", "reason")]
        if all(isinstance(text, str) for text in texts) and isinstance(row.get("size_bytes"), int):
            yield Dropped(row["name"], row["kind"], row["size_bytes"], row["reason"])


def _pods(value: object) -> tuple[Pod, ...]:
    return tuple(
        Pod(row["name"], row["uid"])
        for row in _rows(value)
        if isinstance(row.get("name"), str) and isinstance(row.get("uid"), str)
    )


def _streams(value: object) -> tuple[StreamNote, ...]:
    return tuple(note for row in _rows(value) if (note := _stream(row)) is not None)


def _stream(row: Mapping[str, Any]) -> StreamNote | None:
    texts = [row.get(name) for name in ("collector", "step", "pod", "outcome", "statement")]
    counts = [row.get(name) for name in ("samples", "bad_lines")]
    times = [row.get(name) for name in ("first_at", "last_at")]
    gaps = row.get("gaps")
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(count, int) for count in counts):
        return None
    if not all(at is None or isinstance(at, int | float) for at in times) or not isinstance(gaps, list):
        return None
    if not all(isinstance(gap, list) and len(gap) == 2 and all(isinstance(end, int) for end in gap) for gap in gaps):
        return None
    return StreamNote(
        collector=row["collector"],
        step=row["step"],
        pod=row["pod"],
        outcome=row["outcome"],
        samples=row["samples"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        gaps=tuple((first, last) for first, last in gaps),
        bad_lines=row["bad_lines"],
        statement=row["statement"],
    )


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _key(value: object) -> Key | None:
    if not isinstance(value, dict):
        return None
    parts = [value.get(part) for part in ("namespace", "name", "uid")]
    texts = [part for part in parts if isinstance(part, str) and part]
    return Key(*texts) if len(texts) == len(parts) else None


def _entries(value: object) -> list[Entry]:
    entries = []
    for row in _rows(value):
        name, kind, sha256, source = (row.get(field) for field in ("name", "kind", "sha256", "source"))
        size = row.get("size_bytes")
        if not (
            isinstance(name, str) and isinstance(kind, str) and isinstance(sha256, str) and isinstance(source, str)
        ):
            continue
        if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
            entries.append(Entry(name, kind, size, sha256, source))
    return entries


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
