"""Growing memory of a process that lives: which regions, which pages, and what is said of their bytes."""

from __future__ import annotations

import ctypes
import gzip
import mmap
import os
import random
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.attach import Attach
from offheap.collector.clock import Clock
from offheap.collector.content import Content
from offheap.collector.cost import Meter
from offheap.collector.growing import Region, candidates, growing, remember
from offheap.collector.identity import Jvm
from offheap.collector.outcome import Skip
from offheap.collector.plan import Target, parse_plan
from offheap.collector.probes import memory
from offheap.collector.procfs import Proc
from offheap.collector.resident import TargetMemory
from offheap.collector.visit import Visit
from tests.unit.collector.fakes import FakeProc, plan_text

MIB = 1 << 20
SECRETLESS = b"SESSION-CONTEXT native handle owner=com.acme.ImageCache id=%07d"


def visit_of(proc: Proc, pid: int, notes: dict[str, Any] | None = None, max_heap_bytes: int | None = None) -> Visit:
    plan = parse_plan(plan_text("sample", probes={"memory": {}}))
    meter, clock = Meter(), Clock(60)
    attach = Attach(proc, pid, meter, clock, jattach="none", pause_budget_seconds=0)
    attach.refuse(Skip("AttachNotAllowed", "not in this test"))
    jvm = Jvm(Target(pid, 1), pid, 17, "off", {"max_heap_bytes": max_heap_bytes}, {})
    return Visit(proc, plan, jvm, attach, 1, True, True, clock, meter, {} if notes is None else notes)


def mapping(start: int, end: int, rss_kib: int = 0, permissions: str = "rw-p", name: str = "") -> str:
    inode = 7 if name.startswith("/") else 0
    head = f"{start:x}-{end:x} {permissions} 00000000 00:00 {inode} {name}".rstrip()
    return f"{head}\nSize: {(end - start) >> 10} kB\nRss: {rss_kib} kB\nVmFlags: rd wr\n"


def smaps(proc: FakeProc, *mappings: str) -> Visit:
    home = proc.root / "7"
    if not home.exists():
        proc.java(7)
    (home / "smaps").write_text("".join(mappings))
    return visit_of(Proc(str(proc.root)), 7, max_heap_bytes=64 * MIB)


def test_heap_stacks_class_space_code_and_files_are_no_candidates(proc: FakeProc) -> None:
    visit = smaps(
        proc,
        mapping(0xC0000000, 0xC4000000, 4096),
        mapping(0x7F0000000000, 0x7F0000100000, 100, "r--p", "/opt/java/lib/server/classes.jsa"),
        mapping(0x7F0000100000, 0x7F0000200000, 100),
        mapping(0x7F0000200000, 0x7F0040100000, 0, "---p"),
        mapping(0x7F1000000000, 0x7F1000240000, 100, "rwxp"),
        mapping(0x7F2000000000, 0x7F2000004000, 0, "---p"),
        mapping(0x7F2000004000, 0x7F2000104000, 90),
        mapping(0x7F3000000000, 0x7F3000100000, 200, "rw-p", "/data/cache.bin"),
        mapping(0x7F4000000000, 0x7F4000800000, 8192),
        mapping(0x7F5000000000, 0x7F5000800000, 4096, "rw-p", "[heap]"),
        mapping(0x7F6000000000, 0x7F6000800000, 0),
    )
    assert [region.start for region in candidates(visit)] == [0x7F4000000000, 0x7F5000000000]


def test_what_grew_most_comes_first_however_the_kernel_cut_it(proc: FakeProc) -> None:
    before = remember(
        smaps(
            proc,
            mapping(0x7F1000400000, 0x7F1000800000, 4096),
            mapping(0x7F2000000000, 0x7F2000800000, 8192),
            mapping(0x7F3000000000, 0x7F3000400000, 4096),
            mapping(0x7F3000400000, 0x7F3000800000, 4096, "rw-p", "/data/between"),
        )
    )
    visit = smaps(
        proc,
        mapping(0x7F1000000000, 0x7F1000800000, 8192),  # it grew downwards and merged
        mapping(0x7F2000000000, 0x7F2000400000, 4096),  # split, not grown
        mapping(0x7F2000500000, 0x7F2000800000, 3072),
        mapping(0x7F3000000000, 0x7F3000400000, 4160),  # less than counts
        mapping(0x7F4000000000, 0x7F4000800000, 8192),  # new
    )
    grown = growing(visit, before, 4)
    assert [(region.start, region.grown_bytes) for region in grown] == [
        (0x7F4000000000, 8 * MIB),
        (0x7F1000000000, 4 * MIB),
    ]
    assert growing(visit, before, 1) == grown[:1]


def test_without_a_first_instant_nothing_is_said_to_grow(proc: FakeProc) -> None:
    with pytest.raises(Skip, match="NoBaseline"):
        growing(smaps(proc, mapping(0x7F1000000000, 0x7F1000800000, 8192)), None, 4)


class Own:
    """Anonymous memory of this process, and where it lies."""

    def __init__(self, size_bytes: int) -> None:
        self.map = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def region(self, rss_bytes: int) -> Region:
        return Region(self.address, self.address + len(self.map), rss_bytes)


@pytest.fixture
def target() -> Iterator[TargetMemory]:
    opened = TargetMemory(Proc(), os.getpid())
    yield opened
    opened.close()


def test_only_pages_that_are_there_are_read(target: TargetMemory) -> None:
    own = Own(64 * MIB)
    written = {3 * MIB: b"three", 40 * MIB: b"forty"}
    for at, text in written.items():
        own.map[at : at + len(text)] = text
    pieces = list(target.pieces(own.region(2 * mmap.PAGESIZE), MIB))
    assert {piece.start - own.address for piece in pieces} <= set(range(0, 64 * MIB, mmap.PAGESIZE))
    assert sum(piece.size_bytes for piece in pieces) < 8 * MIB
    read = b"".join(target.read(piece) for piece in pieces)
    assert all(text in read for text in written.values())


def test_a_part_is_read_evenly_spread(target: TargetMemory) -> None:
    own = Own(32 * MIB)
    own.map[:] = b"\1" * (32 * MIB)
    starts = [piece.start - own.address for piece in target.pieces(own.region(32 * MIB), 4 * MIB)]
    total = sum(piece.size_bytes for piece in target.pieces(own.region(32 * MIB), 4 * MIB))
    assert 3 * MIB <= total <= 5 * MIB
    assert min(starts) < 4 * MIB
    assert max(starts) > 28 * MIB


def test_memory_that_is_gone_gives_nothing(target: TargetMemory) -> None:
    assert list(target.pieces(Region(4096, 4096 + MIB, MIB), MIB)) == []


def test_memory_that_may_not_be_read_is_skipped_with_the_right_that_is_missing(proc: FakeProc) -> None:
    proc.java(7)
    with pytest.raises(Skip, match="PermissionDenied"):
        TargetMemory(Proc(str(proc.root)), 7)


def test_the_probe_names_the_owner_of_what_grew_in_a_living_process() -> None:
    notes: dict[str, Any] = {memory.NOTE: array("Q")}
    own = Own(12 * MIB)
    row = SECRETLESS.ljust(256, b"\0")
    own.map[:] = b"".join(row % number for number in range(12 * MIB // 256 + 256))[: 12 * MIB]
    data: Any = memory.take_content(visit_of(Proc(), os.getpid(), notes)).data
    assert (data["method"], data["pause_seconds"]) == ("proc-mem", 0)
    region = next(
        one
        for one in data["regions"]
        if int(one["start"], 16) <= own.address < int(one["start"], 16) + one["size_bytes"]
    )
    assert region["names"]["com.acme.ImageCache"] > 1000
    assert region["strings"][0]["prefix"] == "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=#"
    assert 0 < region["read_bytes"] <= region["rss_bytes"]


def counted(*pieces: bytes) -> dict[str, Any]:
    content = Content()
    for piece in pieces:
        content.feed(piece)
    return content.result()


def test_magic_numbers_are_counted() -> None:
    jar = BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for number in range(3):
            archive.writestr(f"com/acme/C{number}.class", b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(100))
    found = counted(
        bytes(64).join(
            [
                jar.getvalue(),
                gzip.compress(b"x" * 100),
                zlib.compress(b"an order of some length " * 9),
                b"\x89PNG\r\n\x1a\n",
            ]
        )
    )["magic"]
    assert found == {"jar": 3, "class": 3, "gzip": 1, "zlib": 1, "png": 1}


def test_chance_is_no_zlib_stream_and_has_full_entropy() -> None:
    found = counted(random.Random(4).randbytes(MIB))
    assert found["entropy"] > 7.9
    assert found["magic"].get("zlib", 0) < 40
    assert found["strings"] == []


def test_zeros_are_zeros() -> None:
    found = counted(bytes(MIB))
    assert (found["zero_share"], found["entropy"], found["classes"]) == (1.0, 0.0, {})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<orders><order id='1'/></orders>", "xml"),
        ('{"order": 17, "articles": []}', "json"),
        ("select name from orders where total > 5", "sql"),
        ("Content-Type: text/html", "http"),
        ("GET /orders/list HTTP/1.1", "http"),
        ("2026-01-01 12:00:01 INFO order taken", "log-line"),
        ("\tat com.acme.Orders.take(Orders.java:17)", "stack-trace"),
        ("BOOT-INF/classes/com/acme/Orders.class", "jar-entry"),
        ("https://orders.acme.com/list", "url"),
        ("/opt/orders/data/list", "path"),
        ("com.acme.orders.Order", "java-class-name"),
        ("an order of some length", "text"),
        ("password=an order of some length", "withheld"),
    ],
)
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_strings_are_told_apart(text: str, kind: str, encoding: str) -> None:
    assert counted(b"\1" + text.encode(encoding) + b"\1\1")["classes"] == {kind: 1}


def test_a_string_at_the_edge_of_a_piece_is_counted_and_stays() -> None:
    found = counted(*[b"an order of some length"] * 20)
    assert found["classes"] == {"text": 20}
    assert found["strings"] == []


@given(st.lists(st.binary(max_size=2000) | st.text(max_size=500).map(str.encode), max_size=20))
def test_any_bytes_give_a_summary_of_bounded_size(pieces: list[bytes]) -> None:
    found = counted(*pieces)
    assert found["read_bytes"] == sum(map(len, pieces))
    assert 0 <= found["entropy"] <= 8
    assert len(found["strings"]) <= 20
