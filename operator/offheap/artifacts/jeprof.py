"""Runs jeprof and dot on heap profiles that carry their names: the table and the graph that people know.

Both are programs of others on data of the target, so they run apart: in a folder of their own, with an end to their time, their
memory and what they may write. Where they are not installed the other forms of the profile are there all the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offheap.artifacts.files import File

SECONDS = 60.0
"""For all of it together; 7 s were seen for two profiles of 2900 stacks, nearly all of them jeprof's."""
MEMORY_BYTES = 256 << 20
"""Address space of each program; dot took 155 MiB for the graph of those, most of it fonts and libraries that it maps."""
MOST_BYTES = 8 << 20
"""Of each file, five at a time: the operator's /tmp has 64 MiB, and a pod that goes beyond is evicted."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What jeprof and dot made, None where they could not, and then `reasons` say why."""

    text: bytes | None
    svg: bytes | None
    pdf: bytes | None
    reasons: tuple[str, ...] = ()


class _Missing(Exception):  # noqa: N818 - a result, no error
    """Nothing comes of one program; the text says why."""


def draw(last: str, base: str | None = None, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> Drawn:
    """`jeprof --show_bytes` as text and as a graph of what `last` holds beyond `base`.

    Both are files as `evidence.symbolized` writes them. Blocks for `seconds` at most; never raises for what a program does.
    """
    if max(len(last), len(base or "")) > MOST_BYTES:
        return Drawn(None, None, None, (f"the profile is larger than {MOST_BYTES >> 20} MiB",))
    until = time.monotonic() + seconds
    made: dict[str, bytes] = {}
    reasons: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="offheap-jeprof-") as name:
            folder = Path(name)
            (folder / "last.heap").write_text(last)
            arguments = ["--show_bytes", "last.heap"]
            if base is not None:
                (folder / "base.heap").write_text(base)
                arguments.insert(0, "--base=base.heap")
            for output, command in (
                ("text", ["jeprof", "--text", *arguments]),
                ("dot", ["jeprof", "--dot", *arguments]),
                ("svg", ["dot", "-Tsvg", "dot"]),
                ("pdf", ["dot", "-Tpdf", "dot"]),
            ):
                if command[0] == "dot" and "dot" not in made:
                    continue
                try:
                    made[output] = _run(command, folder, output, until - time.monotonic(), memory_bytes)
                except _Missing as missing:
                    reasons.append(str(missing))
    except OSError as error:
        reasons.append(f"no room for the work of jeprof: {error.strerror}")
    return Drawn(made.get("text"), made.get("svg"), made.get("pdf"), tuple(dict.fromkeys(reasons)))


def jeprof_files(
    files: Iterable[File], kind: str = "jeprof-symbolized", *, seconds: float = SECONDS
) -> tuple[File, ...]:
    """Table, SVG and PDF beside each file of this kind: `jemalloc/grown.symbolized.heap` gives `jemalloc/grown.jeprof.txt`, …

    What could not be made is said in `….jeprof.missing.txt`. Blocks for `seconds` at most in all.
    """
    until = time.monotonic() + seconds
    made: list[File] = []
    for file in files:
        if file.kind != kind:
            continue
        drawn = draw(file.data.decode(errors="replace"), seconds=until - time.monotonic())
        stem = file.name.removesuffix(".symbolized.heap") + ".jeprof"
        said = "".join(f"{reason}\n" for reason in drawn.reasons).encode()
        made += [
            File(f"{stem}.{ending}", of, data)
            for ending, of, data in (
                ("txt", "jeprof-text", drawn.text),
                ("svg", "svg", drawn.svg),
                ("pdf", "pdf", drawn.pdf),
                ("missing.txt", "text", said),
            )
            if data
        ]
    return tuple(made)


def _run(command: list[str], folder: Path, output: str, seconds: float, memory_bytes: int) -> bytes:
    program = shutil.which(command[0])
    if program is None:
        raise _Missing(f"{command[0]} is not installed")
    # Limits by the shell: to set them between fork and exec in Python is not safe beside threads. -f counts 512 bytes.
    limits = f'ulimit -v {memory_bytes >> 10} && ulimit -f {MOST_BYTES >> 9} && exec "$@"'
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    environment |= dict.fromkeys(("HOME", "TMPDIR", "JEPROF_TMPDIR", "XDG_CACHE_HOME"), str(folder))
    with (folder / output).open("wb") as file, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            ["/bin/sh", "-c", limits, "sh", program, *command[1:]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            raise _Missing(f"{command[0]} was not done in its time") from None
        finally:
            _kill_group(process)
    if code != 0:
        said = (folder / "errors").read_text(errors="replace").strip().splitlines()
        raise _Missing(f"{command[0]} failed ({code}): {said[-1][:200] if said else 'it said nothing'}")
    made = (folder / output).read_bytes()
    if not made:
        raise _Missing(f"{command[0]} wrote nothing")
    return made


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """It and whatever it started; a group that has ended is no error."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
