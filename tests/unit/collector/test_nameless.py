"""A recording leaves without the names of the threads, and otherwise as it was."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.nameless import without_names
from offheap.evidence.jfr import parse_jfr

FOLDER = Path(__file__).parents[2] / "fixtures" / "jfr"
RECORDINGS = {path.name: gzip.decompress(path.read_bytes()) for path in sorted(FOLDER.glob("*.jfr.gz"))}


def masked(path: Path, recording: bytes) -> bytes:
    path.write_bytes(recording)
    with path.open("rb") as file:
        return b"".join(without_names(file.fileno()))


@pytest.mark.parametrize("name", RECORDINGS)
def test_no_thread_is_named_any_more(name: str, tmp_path: Path) -> None:
    recording = RECORDINGS[name]
    assert b"VM Thread" in recording
    sent = masked(tmp_path / "a.jfr", recording)
    assert b"VM Thread" not in sent
    assert sent.count(b"#########") > recording.count(b"#########")
    assert len(sent) == len(recording)
    assert parse_jfr(sent) == parse_jfr(recording)


def test_each_chunk_and_a_name_over_two_pieces(tmp_path: Path) -> None:
    # The second chunk's names lie at every place of a piece, for the first is as long as we like.
    recording = RECORDINGS["asprof-4.6-jdk8-deflater.jfr.gz"]
    alone = masked(tmp_path / "a.jfr", recording)
    names_at = next(at for at, byte in enumerate(alone) if byte != recording[at])
    for more in range(-3, 12):
        filler = (64 << 10) - (len(recording) + names_at) % (64 << 10) + (64 << 10) + more
        size, pools_at = struct.unpack(">QQ", recording[8:24])
        event = bytes([filler & 127 | 128, filler >> 7 & 127 | 128, filler >> 14 & 127, 1]).ljust(filler, b"\0")
        longer = recording[:pools_at] + event + recording[pools_at:]
        longer = longer[:8] + struct.pack(">QQ", size + filler, pools_at + filler) + longer[24:]
        assert b"VM Thread" not in masked(tmp_path / "a.jfr", longer + recording)


@pytest.mark.parametrize("broken", [b"x", b"FLR\0", b"FLR\0" + b"\0" * 64])
def test_what_is_not_recognised_is_not_sent(broken: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recording"):
        masked(tmp_path / "a.jfr", broken)


def test_pools_in_another_order_are_not_sent(tmp_path: Path) -> None:
    recording = bytearray(RECORDINGS["asprof-4.6-jdk8-deflater.jfr.gz"])
    pools_at = struct.unpack(">Q", recording[16:24])[0]
    at = recording.index(bytes([24, 7]), pools_at)
    recording[at] = 77
    with pytest.raises(ValueError, match="order"):
        masked(tmp_path / "a.jfr", bytes(recording))


@given(st.binary(max_size=200))
def test_any_pools_are_masked_or_refused(tmp_path_factory: pytest.TempPathFactory, pools: bytes) -> None:
    header = b"FLR\0" + struct.pack(">HHQQQ", 2, 0, 72 + len(pools) + 1, 72, 68) + b"\0" * 36
    recording = header + b"\0\0\0\0" + pools + b"\0"
    try:
        sent = masked(tmp_path_factory.mktemp("any") / "a.jfr", recording)
    except ValueError:
        return
    assert len(sent) == len(recording)
