"""async-profiler's recordings, against what its own converter makes of them (`--nativemem --leak --total -o collapsed`)."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.jfr import LiveMemory, parse_jfr
from offheap.evidence.jfr_types import Reader
from offheap.evidence.native_stacks import Frame, FrameKind, parse_native_stacks

FOLDER = Path(__file__).parents[2] / "fixtures" / "jfr"
NAMES = (
    "asprof-4.6-jdk8-deflater",
    "asprof-4.6-jdk17-inflater",
    "asprof-4.6-jdk21-deflater",
    "asprof-4.6-jdk25-inflater",
)
RECORDINGS = {name: gzip.decompress((FOLDER / f"{name}.jfr.gz").read_bytes()) for name in NAMES}
INTERVAL_BYTES = 64 << 10


def by_frames(text: str) -> dict[tuple[Frame, ...], int]:
    sums: dict[tuple[Frame, ...], int] = {}
    for stack in parse_native_stacks(text):
        sums[stack.frames] = sums.get(stack.frames, 0) + stack.weight_bytes
    return sums


@pytest.mark.parametrize("name", NAMES)
def test_stacks_and_bytes_are_those_of_its_own_converter(name: str) -> None:
    memory = parse_jfr(RECORDINGS[name])
    expected = by_frames((FOLDER / f"{name}.collapsed.txt").read_text())
    assert {stack.frames: stack.bytes for stack in memory.stacks} == expected
    assert by_frames(memory.collapsed) == expected
    assert (memory.version, memory.interval_bytes, memory.complete) == ("4.6", INTERVAL_BYTES, True)
    assert 13 < memory.seconds < 15


@pytest.mark.parametrize(
    ("name", "method", "caller"),
    [
        ("asprof-4.6-jdk8-deflater", "java/util/zip/Deflater.init", "offheap/lab/Deflaters.compress"),
        ("asprof-4.6-jdk17-inflater", "java/util/zip/Inflater.inflateBytesBytes", "offheap/lab/Inflaters.step"),
        ("asprof-4.6-jdk21-deflater", "java/util/zip/Deflater.init", "offheap/lab/Deflaters.compress"),
        ("asprof-4.6-jdk25-inflater", "java/util/zip/Inflater.inflateBytesBytes", "offheap/lab/Inflaters.step"),
    ],
)
def test_the_leak_and_who_calls_it_come_first(name: str, method: str, caller: str) -> None:
    memory = parse_jfr(RECORDINGS[name])
    lead = memory.native_stacks[0]
    assert lead.java_frame == method
    java = [frame.name for frame in lead.frames if frame.kind is FrameKind.JAVA]
    assert next(frame for frame in reversed(java) if not frame.startswith("java/")) == caller
    assert lead.weight_bytes > sum(stack.weight_bytes for stack in memory.native_stacks[1:])


def test_an_allocation_below_the_interval_stands_for_the_interval() -> None:
    stack = parse_jfr(RECORDINGS["asprof-4.6-jdk17-inflater"]).stacks[0]
    assert stack.bytes == stack.count * (32 << 10)
    assert stack.estimated_bytes == stack.count * INTERVAL_BYTES


def test_the_whole_of_the_time_has_more_than_what_is_judged() -> None:
    recording = RECORDINGS["asprof-4.6-jdk8-deflater"]
    judged, whole = parse_jfr(recording), parse_jfr(recording, tail=0)
    assert judged.stacks[0].frames == whole.stacks[0].frames
    assert 0.85 < judged.stacks[0].bytes / whole.stacks[0].bytes < 0.95
    assert judged.seconds == pytest.approx(whole.seconds * 0.9)


def test_chunks_one_after_the_other_are_one_recording() -> None:
    recording = RECORDINGS["asprof-4.6-jdk8-deflater"]
    assert parse_jfr(recording * 2).allocations == 2 * parse_jfr(recording).allocations


def test_what_came_before_the_kill_is_read() -> None:
    recording = RECORDINGS["asprof-4.6-jdk8-deflater"]
    unfinished = bytearray(recording)
    unfinished[8:32] = struct.pack(">QQQ", 1 << 30, 0, 0)
    memory = parse_jfr(recording + unfinished)
    assert memory.stacks == parse_jfr(recording).stacks
    assert not memory.complete
    with pytest.raises(EvidenceError, match="not finished"):
        parse_jfr(bytes(unfinished))


@pytest.mark.parametrize("data", [b"", b"FLR\0", b"PK\3\4" + b"\0" * 100, b"FLR\0\0\1" + b"\0" * 100])
def test_what_is_no_recording_is_said(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse_jfr(data)


# A recording of two kinds of events by hand: what no run shows for certain.

_STRINGS = 1
_LONG, _STACK, _FRAME, _METHOD, _SYMBOL, _CLASS, _MALLOC, _FREE = range(20, 28)


class Written:
    """A chunk with one Java method that allocates; events are (time, address, size), of size 0 when it is a free."""

    def __init__(self) -> None:
        self.strings: list[str] = []

    def chunk(self, events: list[tuple[int, int, int]], names: tuple[str, str] = ("com/acme/Leak", "main")) -> bytes:
        metadata = self._sized(b"\0" + b"\0" * 3 + self._metadata())
        body = b"".join(self._event(*event) for event in events)
        pools_at = 68 + len(metadata) + len(body)
        pools = self._sized(b"\1" + b"\0" * 4 + self._pools(*names))
        header = b"FLR\0" + struct.pack(
            ">HHQQQQQQQI", 2, 0, pools_at + len(pools), pools_at, 68, 0, 0, 0, 1_000_000_000, 1
        )
        return header + metadata + body + pools

    def _event(self, time: int, address: int, size: int) -> bytes:
        fields = [_MALLOC, time, 7, 1, address, size] if size else [_FREE, time, 7, 0, address]
        return self._sized(b"".join(map(number, fields)))

    def _metadata(self) -> bytes:
        numbers = ("startTime", _LONG, ""), ("eventThread", _LONG, "constantPool")
        event = (*numbers, ("stackTrace", _STACK, "constantPool"), ("address", _LONG, ""))
        frame = (("method", _METHOD, "constantPool"), ("lineNumber", _LONG, ""), ("type", _LONG, ""))
        types = self._element(
            "metadata",
            {},
            [
                self._class("java.lang.String", _STRINGS),
                self._class("long", _LONG),
                self._class("jdk.types.StackTrace", _STACK, ("frames", _FRAME, "dimension")),
                self._class("jdk.types.StackFrame", _FRAME, *frame),
                self._class(
                    "jdk.types.Method", _METHOD, ("type", _CLASS, "constantPool"), ("name", _SYMBOL, "constantPool")
                ),
                self._class("jdk.types.Symbol", _SYMBOL, ("string", _STRINGS, "")),
                self._class("java.lang.Class", _CLASS, ("name", _SYMBOL, "constantPool")),
                self._class("profiler.Malloc", _MALLOC, *event, ("size", _LONG, "")),
                self._class("profiler.Free", _FREE, *event),
            ],
        )
        table = b"".join(b"\3" + number(len(each)) + each.encode() for each in self.strings)
        return number(len(self.strings)) + table + types

    def _class(self, name: str, type_id: int, *fields: tuple[str, int, str]) -> bytes:
        marks = {"": {}, "constantPool": {"constantPool": "true"}, "dimension": {"dimension": "1"}}
        children = [
            self._element("field", {"name": each, "class": str(kind), **marks[mark]}, []) for each, kind, mark in fields
        ]
        return self._element("class", {"name": name, "id": str(type_id)}, children)

    def _element(self, name: str, attributes: dict[str, str], children: list[bytes]) -> bytes:
        pairs = b"".join(self._string(key) + self._string(value) for key, value in attributes.items())
        return self._string(name) + number(len(attributes)) + pairs + number(len(children)) + b"".join(children)

    def _string(self, text: str) -> bytes:
        if text not in self.strings:
            self.strings.append(text)
        return number(self.strings.index(text))

    def _pools(self, owner: str, method: str) -> bytes:
        stacks = [number(_STACK), b"\1", b"\1", b"\1", number(5), number(42), b"\1"]
        methods = [number(_METHOD), b"\1", number(5), number(6), number(8)]
        classes = [number(_CLASS), b"\1", number(6), number(9)]
        texts = [
            number(8),
            b"\3",
            number(len(method)),
            method.encode(),
            number(9),
            b"\3",
            number(len(owner)),
            owner.encode(),
        ]
        return b"\4" + b"".join(stacks + methods + classes + [number(_SYMBOL), b"\2", *texts])

    @staticmethod
    def _sized(rest: bytes) -> bytes:
        size = len(rest) + 5
        return (
            bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21 & 127 | 128, 0]) + rest
        )


def number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def live_bytes(events: list[tuple[int, int, int]]) -> int:
    return sum(stack.bytes for stack in parse_jfr(Written().chunk(events), tail=0).stacks)


@pytest.mark.parametrize(
    ("events", "live"),
    [
        ([(1, 0xA, 10), (2, 0xB, 20)], 30),
        ([(1, 0xA, 10), (2, 0xA, 0), (3, 0xB, 20)], 20),
        ([(1, 0xA, 10), (2, 0xA, 0), (3, 0xA, 7)], 7),
        ([(3, 0xA, 7), (1, 0xA, 10), (2, 0xA, 0)], 7),
        ([(1, 0xA, 10), (3, 0xA, 7)], 7),
        ([(1, 0xA, 0), (2, 0xA, 10)], 10),
        ([(1, 0xA, 10), (5, 0xA, 0), (5, 0xA, 7)], 7),
        ([(1, 0xA, 0)], 0),
        ([], 0),
    ],
    ids=[
        "all",
        "freed",
        "used-again",
        "out-of-order",
        "free-unseen",
        "freed-before",
        "same-tick",
        "only-a-free",
        "nothing",
    ],
)
def test_what_lives(events: list[tuple[int, int, int]], live: int) -> None:
    assert live_bytes(events) == live


def test_a_hostile_name_does_not_break_the_line() -> None:
    memory = parse_jfr(Written().chunk([(1, 0xA, 10)], ("com/acme/Le;ak", "ma\nin 7")), tail=0)
    assert memory.collapsed == "com/acme/Le?ak.ma?in 7_[j] 10\n"


def fits(memory: LiveMemory) -> bool:
    return all(stack.bytes >= 0 and stack.count > 0 for stack in memory.stacks)


@given(st.sampled_from(NAMES), st.data())
def test_any_damage_gives_stacks_or_the_one_error(name: str, data: st.DataObject) -> None:
    recording = bytearray(RECORDINGS[name])
    pools_at = struct.unpack(">Q", recording[16:24])[0]
    place = st.integers(0, 12_000) | st.integers(pools_at, len(recording) - 1)
    for _ in range(data.draw(st.integers(1, 6))):
        recording[data.draw(place)] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del recording[data.draw(place) :]
    with suppress(EvidenceError):
        assert fits(parse_jfr(bytes(recording)))


@given(st.lists(st.integers(0, (1 << 56) - 1), max_size=5), st.binary(max_size=12))
def test_numbers_are_read_alike_one_by_one_and_together(values: list[int], rest: bytes) -> None:
    data = b"".join(map(number, values)) + b"\xff" * 8 + b"\x81" + rest
    alone, together = Reader(data, 0), Reader(data, 0)
    assert together.numbers(len(values) + 1) == [alone.number() for _ in range(len(values) + 1)]
    assert together.numbers(0) == []
    assert together.at == alone.at == len(data) - len(rest)
    with suppress(EvidenceError):
        assert together.numbers(2) == [alone.number(), alone.number()]


@given(st.binary(max_size=300))
def test_any_bytes_give_stacks_or_the_one_error(data: bytes) -> None:
    chunk = Written().chunk([(1, 0xA, 10)])
    with suppress(EvidenceError):
        parse_jfr(chunk[:68] + data + chunk[68 + len(data) :])
