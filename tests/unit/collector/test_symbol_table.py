"""Names come out of an ELF file's own table, whatever else the file holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.symbol_table import build_id, name_offsets
from tests.unit.collector.elves import BUILD_ID, CODE_AT, elf

TABLE = {
    "inflate": (CODE_AT + 0x100, 0x40),
    "deflate": (CODE_AT + 0x200, 0x10),
    "inner": (CODE_AT + 0x120, 8),
    "raw": (CODE_AT + 0x400, 0),
}


def look(path: Path, data: bytes, *offsets: int, check: Callable[[], None] = lambda: None) -> dict[int, bytes]:
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        build_id(fd)
        return name_offsets(fd, list(offsets), check)
    finally:
        os.close(fd)


@pytest.mark.parametrize("kind", [2, 11])
def test_a_place_has_the_name_of_the_function_around_it(tmp_path: Path, kind: int) -> None:
    found = look(tmp_path / "lib.so", elf(TABLE, kind=kind), 0x100, 0x13F, 0x140, 0x205, 0x123, 0x410)
    assert found == {0x100: b"inflate", 0x13F: b"inflate", 0x205: b"deflate", 0x123: b"inner", 0x410: b"raw"}


def test_data_has_no_function(tmp_path: Path) -> None:
    assert look(tmp_path / "lib.so", elf(TABLE, info=1), 0x100) == {}


def test_the_build_id_is_read(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(elf(TABLE))
    fd = os.open(tmp_path / "lib.so", os.O_RDONLY)
    assert build_id(fd) == BUILD_ID.hex()
    os.close(fd)


def test_it_stops_when_told_to(tmp_path: Path) -> None:
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        look(tmp_path / "lib.so", elf(TABLE), 0x100, check=stop)


def test_symbols_that_all_claim_everything_are_given_up(tmp_path: Path) -> None:
    greedy = {f"f{n}": (CODE_AT + 1, 1 << 40) for n in range(5000)}
    assert len(look(tmp_path / "lib.so", elf(greedy), *range(1, 4000))) <= 4000


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=12))
def test_any_bytes_give_names_or_none(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes, edits: list[tuple[int, int]]
) -> None:
    data = bytearray(elf(TABLE) + tail)
    for at, value in edits:
        data[at % len(data)] = value
    found = look(tmp_path_factory.getbasetemp() / "mutated.so", bytes(data), 0x100, 0x13F, 1 << 40)
    assert all(isinstance(name, bytes) for name in found.values())
