"""The hash of what an image is built from: its Dockerfile and the files that this copies, nothing else of the context."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from cluster.progress import Failed

IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def content(dockerfile: Path, context: Path, bases: str) -> str:
    """Sixteen hexadecimal digits; `bases` stands for what the base images are made from."""
    digest = hashlib.sha256(dockerfile.read_bytes() + bases.encode())
    for source in _sources(dockerfile):
        found = sorted(context.glob(source.rstrip("/")))
        if not found:
            raise Failed(f"{dockerfile} copies {source}, which is not there")
        for path in found:
            for file in _files(path):
                mode = "x" if file.stat().st_mode & 0o100 else "-"
                digest.update(f"\n{file.relative_to(context)} {mode}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(dockerfile: Path) -> Iterator[str]:
    """The paths of COPY and ADD that lie in the context, not those of another stage."""
    for line in dockerfile.read_text().replace("\\\n", " ").splitlines():
        words = line.split()
        if not words or words[0].upper() not in ("COPY", "ADD"):
            continue
        options = [word for word in words[1:] if word.startswith("--")]
        if any(option.startswith("--from=") for option in options):
            continue
        yield from words[1 + len(options) : -1]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield from (
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.suffix != ".pyc" and not IGNORED & set(file.relative_to(path).parts)
    )
