"""The disk: files, and all files below directories, as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from offheap.offline.pieces import MOST_BYTES, Refused, Source

_MOST_FILES = 10_000


def read_all(paths: Iterable[Path]) -> tuple[list[Source], list[Refused]]:
    """Every regular file once, and those that cannot be read, with the reason. Hidden files of a directory are left out."""
    sources: list[Source] = []
    refused: list[Refused] = []
    seen: set[Path] = set()
    for path in (file for given in paths for file in _files(given)):
        try:
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            if len(seen) > _MOST_FILES:
                refused.append(Refused(str(path), f"more than {_MOST_FILES} files: this one and the rest are left out"))
                break
            if not path.is_file():
                refused.append(Refused(str(path), "no regular file"))
            elif path.stat().st_size > MOST_BYTES:
                refused.append(Refused(str(path), f"larger than {MOST_BYTES >> 20} MiB"))
            else:
                sources.append(Source(str(path), path.read_bytes(), path.stat().st_mtime))
        except OSError as error:
            refused.append(Refused(str(path), error.strerror or str(error)))
    return sources, refused


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if not file.is_dir() and not any(part.startswith(".") for part in file.relative_to(path).parts):
            yield file
