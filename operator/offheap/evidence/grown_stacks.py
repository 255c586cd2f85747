"""What grew between two heap profiles of one process, as stacks of names: the shape that all profilers' answers share.

Addresses get the names that were resolved in the target, else file and offset. Frames of the allocator itself and of code
without a file (compiled and interpreted Java) are left out: they name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from offheap.evidence.heap_profile import HeapProfile, HeapStack, subtract
from offheap.evidence.mapped_libraries import MappedLibraries
from offheap.evidence.native_stacks import Frame, FrameKind, NativeStack

_ALLOCATOR = re.compile(r"/lib(?:jemalloc|tcmalloc)[^/]*\.so")
_VM = re.compile(r"/libjvm\.so")


def grown_stacks(base: HeapProfile | None, last: HeapProfile, symbols: Mapping[int, str]) -> tuple[NativeStack, ...]:
    """Stacks that hold more in `last` than in `base` (than nothing without one), most bytes first.

    A frame of libjvm keeps its file before its name (`libjvm.so!os::malloc`), so that the VM's own memory can be told.
    """
    stacks = subtract(last, base) if base else tuple(sorted(last.stacks, key=lambda stack: -stack.bytes))
    sums: dict[tuple[Frame, ...], int] = {}
    for stack in stacks:
        if stack.bytes > 0:
            frames = _frames(stack, last.libraries, symbols)
            sums[frames] = sums.get(frames, 0) + stack.bytes
    return tuple(NativeStack(frames, weight) for frames, weight in sorted(sums.items(), key=lambda item: -item[1]))


def _frames(stack: HeapStack, libraries: MappedLibraries | None, symbols: Mapping[int, str]) -> tuple[Frame, ...]:
    """Outermost first, as collapsed stacks are; one frame at least."""
    frames: list[Frame] = []
    for address in reversed(stack.addresses):
        # A stack holds return addresses: the call lies before it, and may be the last instruction of its function.
        location = libraries.locate(address - 1) if libraries else None
        path = location.path if location else ""
        name = symbols.get(address)
        if _ALLOCATOR.search(path) or (name is None and not path):
            continue
        if name is None:
            name = f"{path}+0x{location.offset:x}" if location else ""
        elif _VM.search(path):
            name = f"libjvm.so!{name}"
        frames.append(Frame(name, FrameKind.NATIVE))
    return tuple(frames) or (Frame("[unknown]", FrameKind.NATIVE),)
