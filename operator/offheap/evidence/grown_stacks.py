"""What grew between two heap profiles of one process, as stacks of names: the shape that all profilers' answers share.

Frames of the allocator itself and of code without a file (compiled and interpreted Java) are left out: they name nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from offheap.evidence.frame_names import JAVA, FrameNames
from offheap.evidence.heap_profile import HeapProfile, HeapStack, subtract
from offheap.evidence.native_stacks import Frame, FrameKind, NativeStack

_VM = "libjvm.so"


def grown_stacks(base: HeapProfile | None, last: HeapProfile, symbols: Mapping[int, str]) -> tuple[NativeStack, ...]:
    """Stacks that hold more in `last` than in `base` (than nothing without one), most bytes first.

    A frame of libjvm keeps its file before its name (`libjvm.so!os::malloc`), so that the VM's own memory can be told.
    """
    stacks = subtract(last, base) if base else tuple(sorted(last.stacks, key=lambda stack: -stack.bytes))
    names = FrameNames(symbols, last.libraries)
    sums: dict[tuple[Frame, ...], int] = {}
    for stack in stacks:
        if stack.bytes > 0:
            frames = _frames(stack, names)
            sums[frames] = sums.get(frames, 0) + stack.bytes
    return tuple(NativeStack(frames, weight) for frames, weight in sorted(sums.items(), key=lambda item: -item[1]))


def _frames(stack: HeapStack, names: FrameNames) -> tuple[Frame, ...]:
    """Outermost first, as collapsed stacks are; one frame at least."""
    frames: list[Frame] = []
    for address in reversed(names.callers(stack)):
        name, file = names.of(address), names.path(address).rpartition("/")[2]
        if file or not (name == JAVA or name.startswith("0x")):
            of_vm = file.startswith(_VM) and not name.startswith(_VM)
            frames.append(Frame(f"{_VM}!{name}" if of_vm else name, FrameKind.NATIVE))
    return tuple(frames) or (Frame("[unknown]", FrameKind.NATIVE),)
