"""Names for the addresses of stacks: the JVM's own map of its compiled code, and the symbols of the target's libraries.

`Compiler.perfmap` (JDK 17 and later) writes the map into the target's /tmp; it is read there once and taken away. One that lies
there already is somebody else's: it is read, and stays.
"""

from __future__ import annotations

import os
from _bisect import bisect_right
from collections.abc import Iterator

from offheap.collector.outcome import Skip
from offheap.collector.perf import Stacks
from offheap.collector.rooted import open_in_root
from offheap.collector.symbols import resolve
from offheap.collector.text import clean
from offheap.collector.visit import Visit

_SYMBOL_SECONDS = 5.0
_MOST_MAP_BYTES = 64 << 20
_MOST_LINES_OUT = 2000
_LONGEST_NAME = 300
_CHUNK_BYTES = 64 << 10
_FIRST_JDK = 17
NOTE = "perf-map"
"""Under this name the visit's notes say that the map was made for us."""


def collapsed(visit: Visit, stacks: Stacks, unit: int) -> str:
    """`thread;outermost;…;innermost weight` a line, the greatest first, weights divided by `unit`. Java frames end in `_[j]`."""
    names = _named(visit, stacks.addresses())
    sums: dict[str, int] = {}
    for (thread, addresses), weight in stacks.weights.items():
        frames = [names.get(address, "[unknown]") for address in reversed(addresses)]
        text = ";".join([thread, *_without_repeats(frames)])
        sums[text] = sums.get(text, 0) + weight
    if stacks.dropped:
        sums["[other stacks]"] = sums.get("[other stacks]", 0) + stacks.dropped
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(weight for _, weight in ranked[_MOST_LINES_OUT:])
    if rest:
        ranked = [*ranked[:_MOST_LINES_OUT], ("[other stacks]", rest)]
    return "".join(f"{text} {max(1, round(weight / unit))}\n" for text, weight in ranked)


def map_path(visit: Visit) -> str:
    """Where the JVM puts its map, in its own file system; the number is its pid in its own namespace."""
    return f"/tmp/perf-{visit.jvm.nspid}.map"  # noqa: S108 - the JVM's choice


def remove_map(visit: Visit) -> None:
    """Take away the map that was made for us. Quiet when it is gone."""
    if not visit.notes.pop(NOTE, False):
        return
    try:
        # The folder is opened as the target sees it, and only the name in it is taken away, never what a link leads to.
        root = os.open(visit.proc.path(visit.jvm.target.pid, "root"), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        folder = os.open("tmp", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        try:
            os.unlink(os.path.basename(map_path(visit)), dir_fd=folder)
        finally:
            os.close(folder)
    except OSError:
        return
    finally:
        os.close(root)


def _named(visit: Visit, addresses: set[int]) -> dict[int, str]:
    names: dict[int, str] = {}
    try:
        found = resolve(visit.proc, visit.jvm.target.pid, addresses, _SYMBOL_SECONDS, visit.meter.note_memory)
        names = {address: name.replace(";", ":")[:_LONGEST_NAME] for address, name in found.names.items()}
        tried = found.tried
    except OSError:
        tried = set()
    left = sorted(addresses - tried - names.keys())
    if left:
        names.update(_compiled(visit, left))
    for address in tried - names.keys():
        names[address] = "[library]"
    return names


def _compiled(visit: Visit, addresses: list[int]) -> dict[int, str]:
    """Names of code that the JVM made, by its own map."""
    try:
        fd = _map(visit)
    except (Skip, OSError):
        return {}
    names: dict[int, str] = {}
    try:
        for start, size, name in _entries(fd):
            index = bisect_right(addresses, start - 1)
            while index < len(addresses) and addresses[index] < start + size:
                # Made anew at the same place, code is listed later: the last one holds.
                names[addresses[index]] = _java_name(name)
                index += 1
    finally:
        os.close(fd)
        remove_map(visit)
    return names


def _map(visit: Visit) -> int:
    """A descriptor of the map; made, unless somebody keeps one there. Raises Skip, OSError."""
    root, path = visit.proc.path(visit.jvm.target.pid, "root"), map_path(visit)
    try:
        return open_in_root(root, path)
    except OSError:
        if visit.jvm.feature < _FIRST_JDK:
            raise
    visit.notes[NOTE] = True
    visit.attach.jcmd("Compiler.perfmap")
    return open_in_root(root, path)


def _entries(fd: int) -> Iterator[tuple[int, int, str]]:
    """Start, size, name of each line of `START SIZE NAME`, both numbers hexadecimal. What is no such line is passed over."""
    tail, read = b"", 0
    while read < _MOST_MAP_BYTES and (chunk := os.read(fd, _CHUNK_BYTES)):
        read += len(chunk)
        lines = (tail + chunk).split(b"\n")
        tail = lines.pop()[-4096:]
        for line in lines:
            fields = line.split(b" ", 2)
            if len(fields) == 3:
                try:
                    yield int(fields[0], 16), min(int(fields[1], 16), 1 << 30), clean(fields[2])
                except ValueError:
                    continue


def _java_name(name: str) -> str:
    """`com.acme.Orders.take_[j]` of `void com.acme.Orders.take(java.lang.String)`; the VM's own stubs and the interpreter keep
    their names."""
    before = name.partition("(")[0]
    method = before.rpartition(" ")[2]
    is_java = "(" in name and "." in method
    return (method if is_java else name).replace(";", ":")[:_LONGEST_NAME] + ("_[j]" if is_java else "")


def _without_repeats(frames: list[str]) -> list[str]:
    """Unknown frames in a row are one, and interpreted Java is one frame a call anyway."""
    return [frame for index, frame in enumerate(frames) if index == 0 or frame[0] != "[" or frames[index - 1] != frame]
