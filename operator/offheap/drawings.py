"""What is made of the evidence for people and for other tools: tables, stacks, and profiles in the formats of pprof and jeprof.

Pure; what another program has to draw is in `offheap.artifacts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from offheap.artifacts.files import File
from offheap.evidence.collapsed import collapsed
from offheap.evidence.content_table import content_table
from offheap.evidence.frame_names import FrameNames
from offheap.evidence.heap_profile import HeapStack, subtract
from offheap.evidence.native_stacks import FrameKind, NativeStack
from offheap.evidence.pprof import pprof
from offheap.evidence.regions import growing_regions, render
from offheap.evidence.sample import Evidence, TakenProfile
from offheap.evidence.symbolized import symbolized

SYMBOLIZED = "jeprof-symbolized"
"""Kind of the profile that carries its own names, which jeprof reads without any binary."""

_MARKS = {FrameKind.JAVA: "_[j]", FrameKind.KERNEL: "_[k]", FrameKind.NATIVE: ""}


def drawings(evidence: Evidence, suffix: str = "") -> tuple[File, ...]:
    """The most telling first. ``suffix`` tells the files of one stage from those of another."""
    return (*_tables(evidence, suffix), *_heap(evidence))


def _tables(evidence: Evidence, suffix: str) -> Iterator[File]:
    if evidence.native_stacks:
        yield File(f"nativemem/live{suffix}.collapsed.txt", "collapsed", _lines(evidence.native_stacks).encode())
    looks = [look for sample in evidence.samples for look in sample.contents]
    if looks:
        yield File(f"memory/looks{suffix}.md", "table", content_table(looks).encode())
    if grown := growing_regions(evidence.readings, evidence.own_ranges):
        yield File(f"pmap/growing-regions{suffix}.txt", "table", render(grown).encode())


def _heap(evidence: Evidence) -> Iterator[File]:
    """Of the last profile, and of what grew since the first one."""
    if not evidence.heap_profiles:
        return
    last = evidence.heap_profiles[-1]
    libraries = last.profile.libraries
    names = FrameNames(dict(evidence.symbols), libraries)
    folder = last.allocator
    for stem, stacks in _views(evidence.heap_profiles):
        yield File(
            f"{folder}/{stem}.pb.gz",
            "pprof",
            pprof(stacks, names, libraries, at_seconds=last.at, sample_bytes=last.profile.sample_bytes or 1),
        )
        yield File(f"{folder}/{stem}.collapsed.txt", "collapsed", collapsed(stacks, names).encode())
        yield File(f"{folder}/{stem}.symbolized.heap", SYMBOLIZED, symbolized(stacks, names).encode())


def _views(profiles: tuple[TakenProfile, ...]) -> Iterator[tuple[str, tuple[HeapStack, ...]]]:
    first, last = profiles[0], profiles[-1]
    if first is not last:
        yield "grown", subtract(last.profile, first.profile)
    yield "live", last.profile.stacks


def _lines(stacks: Iterable[NativeStack]) -> str:
    """`frame;frame bytes` a line, the outermost first; Java frames end in `_[j]`, the kernel's in `_[k]`."""
    return "".join(
        f"{';'.join(frame.name + _MARKS[frame.kind] for frame in stack.frames)} {stack.weight_bytes}\n"
        for stack in stacks
    )
