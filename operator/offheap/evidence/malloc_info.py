"""glibc's malloc_info(3): how much of what malloc took from the kernel is in use, and how much it merely keeps.

Sources: System.native_heap_info of JDK 21.0.13 and later, or a debugger's call of malloc_info(0, stdout). What lies free
in the arenas against what the arenas hold is the test of retention against leak. The text comes from the target, so the
XML is read by expat alone, with a cap on size and depth and without any declaration: no entity can be defined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from offheap.evidence.errors import EvidenceError

MAX_CHARACTERS = 16 << 20
_MAX_DEPTH = 8
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)
_START = "<malloc "
_END = "</malloc>"
_MAX_LEADING_LINES = 20


@dataclass(frozen=True, slots=True)
class MallocArena:
    """One arena (number 0 is the main one, [heap]), or all together. Free chunks are `fast` and `rest`.

    `system_bytes` is what the arena holds of the kernel's memory, used or free; `mmap_*` are the chunks with a mapping
    of their own, which glibc counts for the process and not by arena (0 in an arena).
    """

    number: int | None
    fast_count: int = 0
    fast_bytes: int = 0
    rest_count: int = 0
    rest_bytes: int = 0
    mmap_count: int = 0
    mmap_bytes: int = 0
    system_bytes: int = 0
    system_max_bytes: int = 0
    subheaps: int = 0

    @property
    def free_bytes(self) -> int:
        return self.fast_bytes + self.rest_bytes

    @property
    def used_bytes(self) -> int:
        """In use by the program, mapped chunks included."""
        return max(0, self.system_bytes - self.free_bytes) + self.mmap_bytes

    @property
    def free_share(self) -> float:
        """Free part of what the arenas hold, 0 to 1. Measured: 0.96 with retention, below 0.05 with a leak."""
        return min(1.0, self.free_bytes / self.system_bytes) if self.system_bytes else 0.0


@dataclass(frozen=True, slots=True)
class MallocInfo:
    """All arenas, and the totals that glibc printed."""

    arenas: tuple[MallocArena, ...]
    total: MallocArena


@dataclass(slots=True)
class _Reader:
    """What expat calls. Elements of other names are passed over: new versions of glibc may add them."""

    parser: expat.XMLParserType
    depth: int = 0
    arena: int | None = None
    in_arena: bool = False
    figures: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    arenas: list[MallocArena] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise EvidenceError("elements nested too deeply", self.parser.CurrentLineNumber)
        if name == "heap":
            if self.in_arena:
                raise EvidenceError("an arena within an arena", self.parser.CurrentLineNumber)
            self.in_arena, self.arena, self.figures = True, self._number(attributes, "nr"), {}
        elif name in ("total", "system", "aspace"):
            figures = self.figures if self.in_arena else self.totals
            kind = f"{name} {attributes.get('type', '')}"
            for key in ("count", "size"):
                if key in attributes:
                    figures[f"{kind} {key}"] = self._number(attributes, key)

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == "heap" and self.in_arena:
            self.arenas.append(_arena(self.arena, self.figures))
            self.in_arena = False

    def refuse(self, *_: object) -> None:
        raise EvidenceError("a declaration, which malloc_info never writes", self.parser.CurrentLineNumber)

    def _number(self, attributes: dict[str, str], key: str) -> int:
        value = attributes.get(key, "")
        if not _NUMBER.fullmatch(value):
            raise EvidenceError(f"the attribute {key} is no number", self.parser.CurrentLineNumber)
        return int(value)


def parse_malloc_info(text: str) -> MallocInfo:
    """Read the XML, with or without the lines that jcmd prints before it.

    Raises EvidenceError when there is none (musl and other allocators answer that it is not available), when it is cut,
    too long, or not what malloc_info writes.
    """
    if len(text) > MAX_CHARACTERS:
        raise EvidenceError(f"more than {MAX_CHARACTERS} characters")
    start = text.find(_START)
    lines_before = text.count("\n", 0, max(0, start))
    if start < 0 or lines_before > _MAX_LEADING_LINES:
        raise EvidenceError("no <malloc> element: glibc's malloc_info is not what answered", 1)
    end = text.find(_END, start)
    if end < 0:
        raise EvidenceError("the text ends within <malloc>", text.count("\n") + 1)
    parser = expat.ParserCreate()
    reader = _Reader(parser)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    try:
        parser.Parse(text[start : end + len(_END)].encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise EvidenceError(f"not XML: {expat.ErrorString(error.code)}", error.lineno + lines_before) from None
    except EvidenceError as error:
        raise EvidenceError(error.message, error.line + lines_before) from None
    if "system current size" not in reader.totals:
        raise EvidenceError("no total of the system's memory", lines_before + 1)
    return MallocInfo(tuple(reader.arenas), _arena(None, reader.totals))


def _arena(number: int | None, figures: dict[str, int]) -> MallocArena:
    return MallocArena(
        number=number,
        fast_count=figures.get("total fast count", 0),
        fast_bytes=figures.get("total fast size", 0),
        rest_count=figures.get("total rest count", 0),
        rest_bytes=figures.get("total rest size", 0),
        mmap_count=figures.get("total mmap count", 0),
        mmap_bytes=figures.get("total mmap size", 0),
        system_bytes=figures.get("system current size", 0),
        system_max_bytes=figures.get("system max size", 0),
        subheaps=figures.get("aspace subheaps size", 0),
    )
