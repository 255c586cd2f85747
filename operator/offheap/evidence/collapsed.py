"""Heap stacks as collapsed text, `frame;frame;frame bytes`: what flame graph tools read, and people with grep."""

from __future__ import annotations

from collections.abc import Iterable

from offheap.evidence.frame_names import JAVA, FrameNames
from offheap.evidence.heap_profile import HeapStack

UNKNOWN = "[unknown]"


def collapsed(stacks: Iterable[HeapStack], names: FrameNames) -> str:
    """Outermost frame first, the allocator's own left out, neighbours of Java code as one; same stacks are added up.

    What shrank is left out, for a flame graph has no room for it. Most bytes first; "" when nothing is left.
    """
    sums: dict[str, int] = {}
    for stack in stacks:
        if stack.bytes > 0:
            line = ";".join(_frames(stack, names)) or UNKNOWN
            sums[line] = sums.get(line, 0) + stack.bytes
    return "".join(f"{line} {size}\n" for line, size in sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _frames(stack: HeapStack, names: FrameNames) -> list[str]:
    frames: list[str] = []
    for address in reversed(names.callers(stack)):
        name = names.of(address).replace(";", ":")
        if name != JAVA or frames[-1:] != [JAVA]:
            frames.append(name)
    return frames
