"""Names for the addresses of a heap profile, from the target's own libraries while they are still there.

An address says nothing once the process is gone. The libraries are those that the target has mapped, opened below its own root;
where a file was replaced since (" (deleted)") its old symbols are gone, and the place is told by file and offset later.
"""

from __future__ import annotations

import time
from _bisect import bisect_right
from collections.abc import Callable
from os import close
from typing import NamedTuple

from offheap.collector import tool
from offheap.collector.outcome import Skip
from offheap.collector.procfs import Proc
from offheap.collector.rooted import open_in_root
from offheap.collector.symbol_table import build_id, name_offsets
from offheap.collector.text import clean

_MOST_MAPPINGS = 20_000
_LONGEST_NAME = 400
_DEMANGLED_AT_ONCE = 200
_DEMANGLE_SECONDS = 5.0
_MOST_DEMANGLED_BYTES = 1 << 20


class Symbols(NamedTuple):
    """`names`: function by address, as they were asked for. `libraries`: build id (None: it has none) by path. `tried`: the
    addresses that lie in a library at all, named or not."""

    names: dict[int, str]
    libraries: dict[str, str | None]
    tried: set[int]


class _Code(NamedTuple):
    """One executable mapping of a file; `offset` is where in the file it begins."""

    start: int
    end: int
    offset: int
    path: str


def resolve(
    proc: Proc, pid: int, addresses: set[int], seconds: float, note_child: Callable[[int], object] = int
) -> Symbols:
    """Names of return addresses: what is looked up is the call before each. Those without a name are left out.

    Takes `seconds` at most, and then tells what it has. `note_child` hears the Pss of the demangler. Raises OSError when the
    mappings cannot be read.
    """
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise TimeoutError

    names: dict[int, bytes] = {}
    libraries: dict[str, str | None] = {}
    tried: set[int] = set()
    for path, places in _by_library(_executable(proc, pid), addresses).items():
        tried.update(*places.values())
        try:
            check()
            fd = open_in_root(proc.path(pid, "root"), path)
        except OSError:
            continue
        try:
            libraries[path] = build_id(fd)
            for offset, name in name_offsets(fd, sorted(places), check).items():
                for address in places[offset]:
                    names[address] = name
        except OSError:
            continue
        finally:
            close(fd)
    texts = {address: clean(name)[:_LONGEST_NAME] for address, name in names.items()}
    plain = demangle(sorted({name for name in texts.values() if name.startswith("_Z")}), note_child)
    return Symbols({address: plain.get(name, name) for address, name in texts.items() if name}, libraries, tried)


def demangle(names: list[str], note_child: Callable[[int], object] = int) -> dict[str, str]:
    """C++ names as they are written, without their parameters; where c++filt is missing or fails, none."""
    found: dict[str, str] = {}
    for first in range(0, len(names), _DEMANGLED_AT_ONCE):
        some = names[first : first + _DEMANGLED_AT_ONCE]
        answer = bytearray()
        try:
            run = tool.run(["c++filt", "--no-params", *some], _DEMANGLE_SECONDS, _MOST_DEMANGLED_BYTES, answer.extend)
        except Skip:
            return found
        note_child(run.peak_pss_bytes)
        lines = clean(bytes(answer)).split("\n")
        if run.exit_code == 0 and len(lines) == len(some) + 1:
            for name, line in zip(some, lines, strict=False):
                found[name] = line.partition(" [clone ")[0][:_LONGEST_NAME]
    return found


def _executable(proc: Proc, pid: int) -> list[_Code]:
    """In the order of addresses, as the kernel lists them."""
    found: list[_Code] = []
    with open(proc.path(pid, "maps"), "rb") as maps:
        for line in maps:
            fields = line.rstrip(b"\n").split(None, 5)
            if (
                len(fields) < 6
                or b"x" not in fields[1]
                or not fields[5].startswith(b"/")
                or len(found) >= _MOST_MAPPINGS
            ):
                continue
            start, _, end = fields[0].partition(b"-")
            path = fields[5].decode("utf-8", "surrogateescape")
            if not path.endswith(" (deleted)"):
                found.append(_Code(int(start, 16), int(end, 16), int(fields[2], 16), path))
    return found


def _by_library(code: list[_Code], addresses: set[int]) -> dict[str, dict[int, list[int]]]:
    """Path → offset in it → the addresses that return to just behind it."""
    starts = [mapping.start for mapping in code]
    places: dict[str, dict[int, list[int]]] = {}
    for address in addresses:
        call = address - 1
        index = bisect_right(starts, call) - 1
        if index >= 0 and call < code[index].end:
            offset = call - code[index].start + code[index].offset
            places.setdefault(code[index].path, {}).setdefault(offset, []).append(address)
    return places
