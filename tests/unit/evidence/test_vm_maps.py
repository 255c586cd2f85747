"""Answers of System.map and Compiler.memory, of every JDK there is a measured text of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.compiler_memory import Compilation, parse_compiler_memory
from offheap.evidence.errors import EvidenceError
from offheap.evidence.system_map import parse_system_map
from tests.unit.evidence.mutation import mutated

JCMD = Path(__file__).parents[2] / "fixtures" / "jcmd"
MAPS = {path.name: path.read_text() for path in sorted(JCMD.glob("*System.map*"))}
COMPILERS = {path.name: path.read_text() for path in sorted(JCMD.glob("*Compiler.memory*"))}
OF_22 = """7:
Compilation memory statistics

Legend:
  total  : memory allocated via arenas while compiling
  result : Result: 'ok' finished successfully, 'oom' hit memory limit, 'err' compilation failed

total     NA        RA        result  #nodes  time    type  #rc thread              method
27322808  7328136   10832576  oom     32710   1.183   c2    1   0x00007f3f2c1a5b60  sun/nio/cs/UTF_8$Encoder::encode((LC;)V)
65504     0         65504     ok      -       0.101   c1    1   0x00007f3f2c1a7070  java/lang/String::hashCode(()I)
"""


@pytest.mark.parametrize("name", MAPS)
def test_a_map_has_every_mapping_in_order(name: str) -> None:
    mappings = parse_system_map(MAPS[name]).mappings
    assert len(mappings) == sum(line.startswith("0x") for line in MAPS[name].splitlines())
    assert [mapping.start for mapping in mappings] == sorted(mapping.start for mapping in mappings)
    uses = {mapping.use.split("-")[0] for mapping in mappings}
    assert {"JAVAHEAP", "CODE", "META", "STACK", ""} <= uses


def test_malloc_is_what_the_vm_has_no_word_for() -> None:
    found = parse_system_map(MAPS["jcmd-25-measured-System.map.txt"])
    [heap] = [mapping for mapping in found.mappings if mapping.path == "[heap]"]
    assert (heap.use, heap.rss_bytes, heap.committed) == ("", 98304, True)
    largest = max((one for one in found.mappings if not one.use and not one.path), key=lambda one: one.rss_bytes)
    assert (largest.start, largest.rss_bytes) == (0x7FB290000000, 6123520)
    assert all(not start <= largest.start < end for start, end in found.own_ranges)


def test_compilations() -> None:
    found = parse_compiler_memory(COMPILERS["jcmd-25-measured-Compiler.memory.txt"])
    assert len(found.compilations) == 64
    assert found.largest is not None
    assert (found.largest.compiler, found.largest.total_bytes, found.largest.result) == ("c2", 6366224, "ok")
    assert found.largest.method.startswith("java/")
    older = parse_compiler_memory(OF_22).compilations
    assert older[0] == Compilation("c2", 27322808, "oom", "sun/nio/cs/UTF_8$Encoder::encode((LC;)V)")
    assert [each.compiler for each in older] == ["c2", "c1"]


def test_a_vm_that_was_not_told_to_count_has_no_compilations() -> None:
    assert parse_compiler_memory("7:\nCompilation memory statistics disabled.\n").compilations == ()


def test_other_texts_are_refused() -> None:
    for text in ("", "java.lang.IllegalArgumentException: Unknown diagnostic command", MAPS[next(iter(MAPS))][:800]):
        with pytest.raises(EvidenceError):
            parse_compiler_memory(text)
        with pytest.raises(EvidenceError):
            parse_system_map(text)


@given(mutated([text[:9000] for text in [*MAPS.values(), *COMPILERS.values(), OF_22]]) | st.text())
def test_nothing_else_is_ever_raised(text: str) -> None:
    with suppress(EvidenceError):
        parse_system_map(text)
    with suppress(EvidenceError):
        parse_compiler_memory(text)
