"""Collapsed stacks of async-profiler: the method that leaks 40 MiB must come first, on every JDK."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.native_stacks import (
    Frame,
    FrameKind,
    Holder,
    NativeStack,
    by_leaf,
    by_owner,
    java_method_of,
    parse_native_stacks,
)
from tests.unit.evidence.mutation import mutated

STACKS = Path(__file__).parents[2] / "fixtures" / "native_stacks"
TEXTS = {path.name: path.read_text() for path in sorted(STACKS.iterdir())}
LEAK = 40 << 20


@pytest.mark.parametrize(
    ("name", "stacks", "total"),
    [
        ("asprof-8-measured-jmalloc-leak-collapsed.txt", 17, 41954827),
        ("asprof-17-measured-jmalloc-leak-collapsed.txt", 38, 42018677),
        ("asprof-25-measured-jmalloc-leak-collapsed.txt", 48, 42999170),
    ],
)
def test_the_leak_comes_first(name: str, stacks: int, total: int) -> None:
    parsed = parse_native_stacks(TEXTS[name])
    assert len(parsed) == stacks
    assert sum(stack.weight_bytes for stack in parsed) == total
    for ranking in (by_owner(parsed), by_leaf(parsed)):
        assert sum(holder.weight_bytes for holder in ranking) == total
        assert sum(holder.stacks for holder in ranking) == stacks
    assert by_owner(parsed)[0].name == "Leak.jmalloc"
    assert LEAK <= by_owner(parsed)[0].weight_bytes < LEAK + 4096
    assert by_leaf(parsed)[0] == Holder("Java_Leak_jmalloc", LEAK, 1)


def test_frames_keep_their_kind_and_lose_their_mark() -> None:
    (stack,) = parse_native_stacks("A.a_[0];A.b_[i];A.c_[1];std::map<int, long>::at;do_brk_[k];malloc_hook 12\n")
    assert stack.frames == (
        Frame("A.a", FrameKind.JAVA),
        Frame("A.b", FrameKind.JAVA),
        Frame("A.c", FrameKind.JAVA),
        Frame("std::map<int, long>::at", FrameKind.NATIVE),
        Frame("do_brk", FrameKind.KERNEL),
        Frame("malloc_hook", FrameKind.NATIVE),
    )
    assert (stack.java_frame, stack.owner, stack.leaf) == ("A.c", "A.c", "do_brk")


@pytest.mark.parametrize(
    ("line", "owner", "leaf"),
    [
        ("/lib/libc.so.6;thread_native_entry;os::malloc;malloc_hook 1", "thread_native_entry", "os::malloc"),
        ("/lib/libc.so.6;/lib/libjvm.so;malloc_hook 1", "/lib/libjvm.so", "/lib/libjvm.so"),
        ("a;Java_p_C_m;inflateInit2_;malloc 1", "p.C.m", "inflateInit2_"),
        ("malloc 1", "malloc", "malloc"),
        ("A.a_[j] 1", "A.a", "A.a"),
    ],
)
def test_owner_and_leaf(line: str, owner: str, leaf: str) -> None:
    (stack,) = parse_native_stacks(line)
    assert (stack.owner, stack.leaf) == (owner, leaf)


@pytest.mark.parametrize(
    ("symbol", "method"),
    [
        ("Java_java_util_zip_Inflater_init", "java.util.zip.Inflater.init"),
        ("Java_a_b_1c_D_m__ILjava_lang_String_2", "a.b_c.D.m"),
        ("Java_a_B_00024C_m", "a.B$C.m"),
        ("Java_a_0d800_m", "a\ufffd.m"),
        ("Java_a_B_m@@LIB_1.0", "a.B.m"),
        ("inflateInit2_", None),
        ("Java_", None),
    ],
)
def test_the_java_method_of_a_jni_symbol(symbol: str, method: str | None) -> None:
    assert java_method_of(symbol) == method


@pytest.mark.parametrize("text", ["a;b 1\nno weight\n", "a 1\n12\n", "a 1\n; 3\n", "a 1\nb -4\n"])
def test_errors_name_the_line(text: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_native_stacks(text)
    assert error.value.line == 2


def test_no_stacks() -> None:
    assert parse_native_stacks("") == ()
    assert by_owner(()) == ()


def read_all(text: str) -> tuple[NativeStack, ...]:
    stacks = parse_native_stacks(text)
    by_owner(stacks)
    by_leaf(stacks)
    return stacks


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        read_all(text)
    with suppress(EvidenceError):
        read_all(f"Java_{text};{text}_[j];{text} 7")
    java_method_of(f"Java_{text}")


@given(mutated(list(TEXTS.values()), "0123456789;_[]jik @:"))
def test_mutated_stacks_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        read_all(text)
