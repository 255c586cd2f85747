"""What is written for other tools says the same as what was read: totals, names, order; whatever the stacks hold."""

from __future__ import annotations

import gzip
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.collapsed import collapsed
from offheap.evidence.frame_names import FrameNames
from offheap.evidence.gperftools_heap import parse_gperftools_heap
from offheap.evidence.heap_profile import HeapProfile, HeapStack, subtract
from offheap.evidence.jemalloc_heap import parse_jemalloc_heap
from offheap.evidence.mapped_libraries import parse_mapped_libraries
from offheap.evidence.native_stacks import parse_native_stacks
from offheap.evidence.pprof import pprof
from offheap.evidence.symbolized import symbolized

FIXTURES = Path(__file__).parents[2] / "fixtures" / "heap_profile"
JEPROF_TOTALS = {
    "gperftools-17-measured-jmalloc": 69352540,
    "jemalloc-17-measured-inflater-final": 60654654,
    "jemalloc-17-measured-inflater-manual": 60654654,
    "jemalloc-17-measured-jmalloc": 75359139,
}
"""What `jeprof --text --show_bytes` (5.3.0) says of the same files."""
LIBRARIES = parse_mapped_libraries("""\
1000-2000 r-xp 00000000 08:01 1 /usr/bin/java
10000-20000 r-xp 00001000 08:01 2 /opt/java/lib/libzip.so
30000-40000 r-xp 00000000 08:01 3 /offheap/libjemalloc.so.2
50000-60000 rwxp 00000000 00:00 0
""")
SYMBOLS = {0x10101: "Java_java_util_zip_Inflater_init", 0x10201: "std::vector<a;b>::operator--"}
NAMES = FrameNames(SYMBOLS, LIBRARIES)
STACK = HeapStack((0x30010, 0x10101, 0x10202, 0x50001, 0x50002, 0x10201), 2, 300)
stacks = st.lists(
    st.builds(
        HeapStack,
        st.lists(st.sampled_from([*STACK.addresses, 0x999999, 1]), max_size=6).map(tuple),
        st.integers(-(10**12), 10**12),
        st.integers(-(10**15), 10**15),
    ),
    max_size=8,
)


def read(name: str) -> HeapProfile:
    text = (FIXTURES / f"{name}.heap.txt").read_text()
    return parse_jemalloc_heap(text) if name.startswith("jemalloc") else parse_gperftools_heap(text)


def decoded(field: int | bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protobuf message by number."""
    assert isinstance(field, bytes)
    message = field
    fields: dict[int, list[int | bytes]] = defaultdict(list)
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        value = varint()
        if key & 7 == 2:
            fields[key >> 3].append(message[at : at + value])
            at += value
        else:
            assert key & 7 == 0
            fields[key >> 3].append(value)
    return fields


def varints(data: bytes) -> list[int]:
    return [int(value) for value in decoded(b"".join(b"\x08" + part for part in _parts(data)))[1]]


def _parts(data: bytes) -> list[bytes]:
    parts, part = [], b""
    for byte in data:
        part += bytes([byte])
        if byte < 128:
            parts.append(part)
            part = b""
    return parts


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def samples(data: bytes) -> list[tuple[list[str], int, int]]:
    """(names innermost first, objects, bytes) of each sample of a profile.proto."""
    profile = decoded(gzip.decompress(data))
    strings = [bytes(text).decode() for text in profile[6] if isinstance(text, bytes)]
    assert strings[0] == ""
    functions, locations = {}, {}
    for function in map(decoded, profile[5]):
        functions[function[1][0]] = strings[int(function[2][0])]
    for location in map(decoded, profile[4]):
        locations[location[1][0]] = functions[decoded(bytes(location[4][0]))[1][0]]
    found = []
    for sample in map(decoded, profile[2]):
        names = [locations[number] for number in varints(bytes(sample[1][0]))]
        objects, size = map(signed, varints(bytes(sample[2][0])))
        found.append((names, objects, size))
    return found


@pytest.mark.parametrize("name", JEPROF_TOTALS)
def test_totals_are_those_of_jeprof(name: str) -> None:
    assert read(name).bytes == pytest.approx(JEPROF_TOTALS[name], rel=0.001)


@pytest.mark.parametrize("name", JEPROF_TOTALS)
def test_no_byte_is_lost_on_the_way_to_other_tools(name: str) -> None:
    profile = read(name)
    names = FrameNames({}, profile.libraries)
    text = symbolized(profile.stacks, names).partition("--- heap\n")[2]
    assert parse_gperftools_heap(text).bytes == profile.bytes
    assert sum(size for *_, size in samples(pprof(profile.stacks, names, profile.libraries))) == profile.bytes
    assert sum(stack.weight_bytes for stack in parse_native_stacks(collapsed(profile.stacks, names))) == profile.bytes


def test_a_frame_has_a_name_or_a_place() -> None:
    assert [NAMES.of(address) for address in STACK.addresses[1:]] == [
        "Java_java_util_zip_Inflater_init",
        "libzip.so+0x1201",
        "[Java code]",
        "[Java code]",
        "std::vector<a;b>::operator--",
    ]
    assert FrameNames({}, None).of(0xABC) == "0xabc"


def test_collapsed_stacks_begin_outermost_and_have_no_allocator() -> None:
    assert collapsed([STACK], NAMES) == (
        "std::vector<a:b>::operator--;[Java code];libzip.so+0x1201;Java_java_util_zip_Inflater_init 300\n"
    )


def test_what_shrank_is_in_pprof_and_not_in_collapsed_stacks() -> None:
    grown = subtract(HeapProfile(1, 0, 0, ()), HeapProfile(1, 0, 0, (STACK,)))
    assert collapsed(grown, NAMES) == ""
    assert [(objects, size) for _, objects, size in samples(pprof(grown, NAMES, LIBRARIES))] == [(-2, -300)]


def test_the_symbol_table_has_each_address_as_jeprof_looks_it_up() -> None:
    table = symbolized([STACK], NAMES).partition("---\n")[0]
    assert "0x0000000000010101 Java_java_util_zip_Inflater_init\n" in table, "the innermost one as it stands"
    assert "0x0000000000010200 std::vector<a;b>::operator- -\n" in table, "a caller by the call before it"


def test_the_program_and_the_build_ids_are_told_to_pprof() -> None:
    profile = decoded(
        gzip.decompress(pprof([STACK], NAMES, LIBRARIES, {"/opt/java/lib/libzip.so": "abcd"}, at_seconds=5))
    )
    strings = [bytes(text).decode() for text in profile[6]]
    mappings = [decoded(bytes(mapping)) for mapping in profile[3]]
    assert [strings[int(mapping[5][0])] for mapping in mappings] == ["/usr/bin/java", "/opt/java/lib/libzip.so"]
    assert strings[int(mappings[1][6][0])] == "abcd"
    assert profile[9] == [5_000_000_000]


@given(stacks)
def test_any_stacks_can_be_written_and_add_up(some: list[HeapStack]) -> None:
    written = samples(pprof(some, NAMES, LIBRARIES))
    assert [(objects, size) for _, objects, size in written] == [(stack.objects, stack.bytes) for stack in some]
    grown = [stack for stack in some if stack.bytes > 0]
    read_back = parse_native_stacks(collapsed(some, NAMES))
    assert sum(stack.weight_bytes for stack in read_back) == sum(stack.bytes for stack in grown)
    carried = parse_gperftools_heap(symbolized(some, NAMES).partition("--- heap\n")[2])
    assert carried.bytes == sum(stack.bytes for stack in grown)


@given(st.text(max_size=40), st.integers(0, 1 << 64))
def test_any_name_stays_on_its_line(name: str, address: int) -> None:
    names = FrameNames({address: name}, LIBRARIES)
    assert len(names.of(address).splitlines()) == 1
    assert names.of(address)
    assert len(collapsed([HeapStack((address,), 1, 1)], names).splitlines()) == 1
