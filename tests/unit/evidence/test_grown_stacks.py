"""What grew between two profiles has names, and tells the VM's own memory from others'."""

from __future__ import annotations

from dataclasses import replace

from offheap.evidence.grown_stacks import grown_stacks
from offheap.evidence.heap_profile import HeapProfile, HeapStack
from offheap.evidence.mapped_libraries import parse_mapped_libraries

MAPS = """1000-2000 r-xp 00000000 fd:00 1 /usr/lib/libjemalloc.so.2
2000-3000 r-xp 00000000 fd:00 2 /jdk/lib/server/libjvm.so
3000-4000 r-xp 00001000 fd:00 3 /jdk/lib/libzip.so
5000-6000 rwxp 00000000 00:00 0
"""
SYMBOLS = {0x2011: "os::malloc", 0x3011: "Java_java_util_zip_Inflater_init"}


def profile(*stacks: tuple[tuple[int, ...], int]) -> HeapProfile:
    kept = tuple(HeapStack(addresses, 1, size) for addresses, size in stacks)
    return HeapProfile(1, 0, 0, kept, libraries=parse_mapped_libraries(MAPS))


def frames(base: HeapProfile | None, last: HeapProfile) -> dict[str, int]:
    return {
        ";".join(frame.name for frame in stack.frames): stack.weight_bytes
        for stack in grown_stacks(base, last, SYMBOLS)
    }


def test_frames_are_outermost_first_without_the_allocator_and_nameless_code() -> None:
    last = profile(((0x1011, 0x3011, 0x5011), 70), ((0x1011, 0x2011, 0x2021), 30), ((0x5011,), 9))
    assert frames(None, last) == {
        "Java_java_util_zip_Inflater_init": 70,
        "libjvm.so+0x20;libjvm.so!os::malloc": 30,
        "[unknown]": 9,
    }


def test_only_what_grew_is_there_and_equal_names_are_one() -> None:
    base = profile(((0x3011,), 50), ((0x3031,), 20))
    last = profile(((0x3011,), 80), ((0x3031,), 20), ((0x1031, 0x3011), 5))
    assert frames(base, last) == {"Java_java_util_zip_Inflater_init": 35}
    assert frames(last, last) == {}


def test_a_profile_that_was_cut_before_its_mappings_still_has_its_names() -> None:
    cut = replace(profile(((0x3011, 0x9999), 80)), libraries=None, is_complete=False)
    assert frames(None, cut) == {"Java_java_util_zip_Inflater_init": 80}
