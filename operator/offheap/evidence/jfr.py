"""async-profiler's recordings of malloc and free: what was allocated while it looked and lives still, by stack.

The format is JDK Flight Recorder's, version 2, as async-profiler writes it (flightRecorder.cpp, jfrMetadata.cpp; its own
reader is one.jfr.JfrReader): chunks, each with a header of 68 bytes, metadata that describes every type, events, and constant
pools at the end. Numbers are LEB128 of at most nine bytes, whatever their type.

What lives is found as its converter's `--nativemem --leak` does: an allocation whose address is not freed later, without the
last tenth of the time, in which what is short-lived has not come to its end.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from offheap.evidence.errors import EvidenceError
from offheap.evidence.jfr_types import Pool, Reader, Rows, Types, Value, read_types
from offheap.evidence.native_stacks import Frame, FrameKind, NativeStack

TAIL = 0.1
"""The part at the end whose allocations are too young to be judged (jfrconv's --tail)."""

_MAGIC = b"FLR\0"
_HEADER_BYTES = 68
_MOST_CHUNKS = 10_000
_MAX_NAME = 1000
_MALLOC, _FREE, _SETTING = "profiler.Malloc", "profiler.Free", "jdk.ActiveSetting"
_JAVA_TYPES = frozenset((0, 1, 2, 6))
"""Interpreted, compiled, inlined, compiled by C1 (frameTypeId in vmEntry.h)."""
_KERNEL_TYPE = 5
_UNKNOWN = Frame("unknown", FrameKind.NATIVE)


@dataclass(frozen=True, slots=True)
class LiveStack:
    """Allocations of one stack that live, outermost frame first.

    `bytes` are the recorded allocations' own sizes, as the converter sums them. `estimated_bytes` makes up for sampling: an
    allocation below the interval stands for as many bytes as the interval has.
    """

    frames: tuple[Frame, ...]
    count: int
    bytes: int
    estimated_bytes: int


@dataclass(frozen=True, slots=True)
class LiveMemory:
    """What a recording says. `stacks` are sorted by estimated bytes, most first.

    `seconds` is from the first to the last event that was judged, `interval_bytes` None where the recording does not say it.
    `complete` is False when its end is missing, as after a kill: what came before is there.
    """

    stacks: tuple[LiveStack, ...]
    seconds: float
    allocations: int
    frees: int
    interval_bytes: int | None
    version: str | None
    complete: bool

    @property
    def native_stacks(self) -> tuple[NativeStack, ...]:
        """The estimated bytes by stack, in the shape that all profilers' answers share."""
        return tuple(NativeStack(stack.frames, stack.estimated_bytes) for stack in self.stacks)

    @property
    def collapsed(self) -> str:
        """`frame;frame bytes` a line, as `parse_native_stacks` reads it: Java frames end in `_[j]`, the kernel's in `_[k]`."""
        marks = {FrameKind.JAVA: "_[j]", FrameKind.KERNEL: "_[k]", FrameKind.NATIVE: ""}
        return "".join(
            f"{';'.join(frame.name + marks[frame.kind] for frame in stack.frames)} {stack.bytes}\n"
            for stack in self.stacks
        )


def parse_jfr(data: bytes, *, interval_bytes: int | None = None, tail: float = TAIL) -> LiveMemory:
    """Read a whole recording. `interval_bytes` is what the profiler was told, where the recording itself does not say it.

    Raises EvidenceError when the first chunk is none of async-profiler's, or not finished.
    """
    books = _Books()
    complete = _read_chunks(data, books)
    interval = books.interval_bytes or interval_bytes
    live, seconds = books.live(tail)
    sums: dict[tuple[Frame, ...], list[int]] = {}
    known: dict[int, tuple[Frame, ...] | None] = {}
    for stack_id, size in live:
        if stack_id not in known:
            known[stack_id] = books.names.frames(stack_id)
        frames = known[stack_id]
        if frames is None:
            continue
        one = sums.setdefault(frames, [0, 0, 0])
        one[0] += 1
        one[1] += size
        one[2] += max(size, interval or 0)
    stacks = [LiveStack(frames, count, own, estimated) for frames, (count, own, estimated) in sums.items()]
    stacks.sort(key=lambda stack: -stack.estimated_bytes)
    allocations, frees = len(books.mallocs), len(books.free_times)
    return LiveMemory(tuple(stacks), seconds, allocations, frees, interval, books.version, complete)


@dataclass(slots=True)
class _Names:
    """The constant pools of all chunks: a number means the same in each, or the later one counts."""

    stacks: dict[int, Value] = field(default_factory=dict)
    methods: dict[int, Value] = field(default_factory=dict)
    classes: dict[int, Value] = field(default_factory=dict)
    symbols: dict[int, Value] = field(default_factory=dict)
    _frames: dict[tuple[int, int], Frame] = field(default_factory=dict)

    def learn(self, pools: Mapping[str, Pool]) -> None:
        self.stacks.update(pools.get("jdk.types.StackTrace", {}))
        self.methods.update(pools.get("jdk.types.Method", {}))
        self.classes.update(pools.get("java.lang.Class", {}))
        self.symbols.update(pools.get("jdk.types.Symbol", {}))

    def frames(self, stack_id: int) -> tuple[Frame, ...] | None:
        """Outermost first; None when the recording does not hold the stack."""
        frames = _field(self.stacks.get(stack_id), "frames")
        if not isinstance(frames, Rows):
            return None
        return tuple(self._frame(method, kind) for method, kind in reversed(frames.pairs("method", "type"))) or None

    def _frame(self, method: int, kind: int) -> Frame:
        found = self._frames.get((method, kind))
        if found is None:
            found = self._frames[method, kind] = self._named(method, kind)
        return found

    def _named(self, method_id: int, kind: int) -> Frame:
        method = self.methods.get(method_id)
        if method is None:
            return Frame("unknown", FrameKind.JAVA) if kind in _JAVA_TYPES else _UNKNOWN
        name = self._symbol(_number(method, "name"))
        if kind not in _JAVA_TYPES:
            return Frame(name or "unknown", FrameKind.KERNEL if kind == _KERNEL_TYPE else FrameKind.NATIVE)
        owner = self._symbol(_number(self.classes.get(_number(method, "type")), "name"))
        return Frame(".".join(part for part in (owner, name) if part)[:_MAX_NAME] or "unknown", FrameKind.JAVA)

    def _symbol(self, symbol_id: int) -> str:
        """Made fit for a line of collapsed stacks: no separator and no control character in it."""
        value = _field(self.symbols.get(symbol_id), "string")
        text = value if isinstance(value, str) else ""
        if not text.isprintable() or ";" in text:
            text = "".join(each if each.isprintable() and each != ";" else "?" for each in text)
        return text[:_MAX_NAME]


@dataclass(slots=True)
class _Books:
    """Every malloc, and every free as two numbers: there are a hundred times as many."""

    names: _Names = field(default_factory=_Names)
    mallocs: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(time, address, size, stack)"""
    free_times: array[int] = field(default_factory=lambda: array("Q"))
    free_addresses: array[int] = field(default_factory=lambda: array("Q"))
    ticks_per_second: int = 1
    interval_bytes: int | None = None
    version: str | None = None

    def live(self, tail: float) -> tuple[list[tuple[int, int]], float]:
        """(stack, size) of what lives, and the seconds that were judged."""
        sampled = {malloc[1] for malloc in self.mallocs}
        # A free comes before an allocation of the same tick, for it made the address free.
        happened = [(time, 1, address, size, stack) for time, address, size, stack in self.mallocs]
        for time, address in zip(self.free_times, self.free_addresses, strict=True):
            if address in sampled:
                happened.append((time, 0, address, 0, 0))
        happened.sort(key=lambda each: each[:2])
        alive: dict[int, tuple[int, int, int]] = {}
        for time, is_malloc, address, size, stack in happened:
            if is_malloc and size:
                alive[address] = (time, stack, size)
            else:
                alive.pop(address, None)
        times = [malloc[0] for malloc in self.mallocs]
        first = min(min(some, default=1 << 64) for some in (times, self.free_times))
        last = max(max(some, default=0) for some in (times, self.free_times))
        judged_until = int(first * tail + last * (1 - tail))
        seconds = max(0.0, (judged_until - first) / self.ticks_per_second)
        return [(stack, size) for time, stack, size in alive.values() if time <= judged_until], seconds


def _read_chunks(data: bytes, books: _Books) -> bool:
    """Whether the last chunk was finished too."""
    start = 0
    for number in range(_MOST_CHUNKS):
        header = data[start : start + _HEADER_BYTES]
        size = int.from_bytes(header[8:16], "big")
        pools_at, metadata_at = (int.from_bytes(header[at : at + 8], "big") for at in (16, 24))
        if header[:4] != _MAGIC or len(header) < _HEADER_BYTES or header[4:6] != b"\0\2":
            if number == 0:
                raise EvidenceError("not a flight recording of version 2")
            return False
        if size < _HEADER_BYTES or start + size > len(data) or not 0 < metadata_at < size or not 0 < pools_at < size:
            if number == 0:
                raise EvidenceError("the recording was not finished: its names are missing")
            return False
        _read_chunk(data[start : start + size], metadata_at, pools_at, books)
        start += size
        if start >= len(data):
            return True
    raise EvidenceError("too many chunks")


def _read_chunk(chunk: bytes, metadata_at: int, pools_at: int, books: _Books) -> None:
    books.ticks_per_second = max(1, int.from_bytes(chunk[56:64], "big"))
    types = read_types(chunk, metadata_at)
    books.names.learn(types.pools(chunk, pools_at))
    malloc, free = (types.numbers_of(name) for name in (_MALLOC, _FREE))
    malloc_id, free_id, setting_id = (types.id_of(name) for name in (_MALLOC, _FREE, _SETTING))
    reader = Reader(chunk, _HEADER_BYTES)
    while reader.at < len(chunk):
        began = reader.at
        size = reader.number()
        kind = reader.number()
        if size < 2 or began + size > len(chunk):
            raise EvidenceError(f"an event of impossible size at byte {began}")
        if kind == free_id:
            values = reader.numbers(len(free))
            books.free_times.append(values[free["startTime"]])
            books.free_addresses.append(values[free["address"]])
        elif kind == malloc_id:
            values = reader.numbers(len(malloc))
            time, address, amount, stack = (
                values[malloc[key]] for key in ("startTime", "address", "size", "stackTrace")
            )
            books.mallocs.append((time, address, amount, stack))
        elif kind == setting_id:
            _learn_setting(types, reader, books)
        reader.at = began + size


def _learn_setting(types: Types, reader: Reader, books: _Books) -> None:
    setting = types.read(reader, _SETTING)
    name, value = _field(setting, "name"), _field(setting, "value")
    if name == "version" and isinstance(value, str):
        books.version = value[:40] if value.isprintable() else None
    elif name == "nativemem" and isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        books.interval_bytes = int(value) or None


def _field(value: Value, name: str) -> Value:
    return value.get(name) if isinstance(value, dict) else None


def _number(value: Value, name: str) -> int:
    found = _field(value, name)
    return found if isinstance(found, int) else 0


def merged(recordings: Iterable[LiveMemory]) -> tuple[NativeStack, ...]:
    """Several recordings of one process taken together, most bytes first."""
    sums: dict[tuple[Frame, ...], int] = {}
    for recording in recordings:
        for stack in recording.stacks:
            sums[stack.frames] = sums.get(stack.frames, 0) + stack.estimated_bytes
    return tuple(NativeStack(frames, weight) for frames, weight in sorted(sums.items(), key=lambda item: -item[1]))
