"""Collapsed stacks of native memory (`frame;frame;frame weight`), as async-profiler's `--leak` output has them.

The weight is what a stack still holds, in bytes. The question they answer is who asked for it: the Java method nearest
to the allocation, and the native function it called. Frames end in a mark of their kind: `_[j]` compiled, `_[i]`
inlined, `_[0]` interpreted, `_[1]` compiled by C1, `_[k]` kernel; none for native code (async-profiler, frameName.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from offheap.evidence.errors import EvidenceError

_WEIGHT = re.compile(r"\d{1,19}", re.ASCII)
_MARK = re.compile(r"_\[([jik01])\]$")
_MAX_NAME = 1000
_HOOK = re.compile(
    r"^(?:_?_?(?:libc_)?(?:malloc|calloc|realloc|memalign|posix_memalign|aligned_alloc|valloc)(?:_hook)?|operator new.*)$"
)
_ESCAPE = re.compile(r"_(0[0-9a-f]{4}|[123_]|)")
_ESCAPES = {"1": "_", "2": ";", "3": "[", "": "."}


class FrameKind(Enum):
    JAVA = "java"
    NATIVE = "native"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its name without the mark, and what it is."""

    name: str
    kind: FrameKind


@dataclass(frozen=True, slots=True)
class NativeStack:
    """One stack, outermost frame first, and the bytes it holds."""

    frames: tuple[Frame, ...]
    weight_bytes: int

    @property
    def java_frame(self) -> str | None:
        """The Java method nearest to the allocation: the first one above the native frames.

        Where no Java frame was unwound, the method that the innermost JNI symbol belongs to.
        """
        for frame in reversed(self.frames):
            if frame.kind is FrameKind.JAVA:
                return frame.name
        return next((name for frame in reversed(self.frames) if (name := java_method_of(frame.name))), None)

    @property
    def owner(self) -> str:
        """The Java method, else the outermost native function that has a name, else the leaf."""
        if java := self.java_frame:
            return java
        named = (frame.name for frame in self.frames if not frame.name.startswith("/") and not _HOOK.match(frame.name))
        return next(named, self.leaf)

    @property
    def leaf(self) -> str:
        """The innermost frame that is not an allocator's own."""
        return next(
            (frame.name for frame in reversed(self.frames) if not _HOOK.match(frame.name)), self.frames[-1].name
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """What all stacks of one owner or leaf hold together."""

    name: str
    weight_bytes: int
    stacks: int


def parse_native_stacks(text: str) -> tuple[NativeStack, ...]:
    """Read every line, in the order of the file; an empty text has no stacks.

    Raises EvidenceError on a line without frames or without a weight at its end.
    """
    stacks: list[NativeStack] = []
    seen: dict[str, Frame] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        names, _, weight = line.rstrip().rpartition(" ")
        if not names.strip(" ;") or not _WEIGHT.fullmatch(weight):
            raise EvidenceError("not `frame;frame weight`", number)
        frames: list[Frame] = []
        for name in names.split(";"):
            frame = seen.get(name)
            if frame is None:
                frame = seen[name] = _frame(name)
            frames.append(frame)
        stacks.append(NativeStack(tuple(frames), int(weight)))
    return tuple(stacks)


def by_owner(stacks: Iterable[NativeStack]) -> tuple[Holder, ...]:
    """Who asked for the memory, most bytes first."""
    return _rank(stacks, lambda stack: stack.owner)


def by_leaf(stacks: Iterable[NativeStack]) -> tuple[Holder, ...]:
    """Which function called the allocator, most bytes first."""
    return _rank(stacks, lambda stack: stack.leaf)


def java_method_of(symbol: str) -> str | None:
    """`java.util.zip.Inflater.init` of `Java_java_util_zip_Inflater_init`; None for a symbol that is no JNI method.

    Source: JNI specification, Resolving Native Method Names. The signature of an overloaded one is left out.
    """
    if not symbol.startswith("Java_"):
        return None
    name = symbol[5:].split("@", 1)[0].split("__", 1)[0]
    return _ESCAPE.sub(_unescaped, name) or None


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) != 5:
        return _ESCAPES[code]
    point = int(code[1:], 16)
    return "\ufffd" if 0xD800 <= point <= 0xDFFF else chr(point)


def _frame(text: str) -> Frame:
    mark = _MARK.search(text)
    if mark is None:
        return Frame(text[:_MAX_NAME], FrameKind.NATIVE)
    return Frame(text[: mark.start()][:_MAX_NAME], FrameKind.KERNEL if mark[1] == "k" else FrameKind.JAVA)


def _rank(stacks: Iterable[NativeStack], key: Callable[[NativeStack], str]) -> tuple[Holder, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for stack in stacks:
        name = key(stack)
        weight, count = sums.get(name, (0, 0))
        sums[name] = (weight + stack.weight_bytes, count + 1)
    holders = [Holder(name, weight, count) for name, (weight, count) in sums.items()]
    return tuple(sorted(holders, key=lambda holder: (-holder.weight_bytes, holder.name)))
