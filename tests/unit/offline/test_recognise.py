"""What each text is, told by its content, and when it was taken."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.offline.analysis import analyze
from offheap.offline.pieces import Clock, Source, pieces_of
from offheap.offline.recognise import Kind, Unknown, recognise
from offheap.offline.times import last_time_in, time_in_name, time_line
from tests.unit.evidence.mutation import mutated

FIXTURES = Path(__file__).parents[2] / "fixtures"
TEXTS = {
    path.name: path.read_text(errors="replace")
    for path in sorted(FIXTURES.rglob("*.txt"))
    if path.stat().st_size < 20_000
}
STATUS = TEXTS["procstatus-17-measured-idle.txt"]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("nmt-17-measured-direct", Kind.NMT),
        ("nmt-8-measured-unsafe-baseline", Kind.NMT),
        ("procstatus-8", Kind.STATUS),
        ("pmapx-11-brice-head", Kind.PMAP),
        ("pmapX-measured", Kind.PMAP),
        ("jcmd-8-measured-GC.heap_info", Kind.HEAP_INFO),
        ("jcmd-25-measured-Z-GC.heap_info", Kind.HEAP_INFO),
        ("jcmd-25-measured-Epsilon-GC", Kind.HEAP_INFO),
        ("jcmd-17-measured-VM.metaspace", Kind.METASPACE),
        ("jcmd-11-measured-metaspace-basic", Kind.METASPACE),
        ("jcmd-25-measured-Compiler.memory", Kind.COMPILER_MEMORY),
        ("jcmd-8-measured-VM.flags", Kind.FLAGS),
        ("jcmd-17-measured-VM.flags", Kind.FLAGS),
        ("jcmd-25-measured-VM.version", Kind.VERSION),
        ("jcmd-11-measured-VM.command_line", Kind.COMMAND_LINE),
        ("jcmd-11-measured-Compiler.codecache", Kind.CODECACHE),
        ("mallocinfo-21-measured-idle", Kind.MALLOC_INFO),
        ("trim-11", Kind.TRIM),
        ("trim-25", Kind.TRIM),
        ("oomkill", Kind.OOM_LOG),
        ("cgroupv1", Kind.CGROUP),
    ],
)
def test_the_kind_is_told_by_the_content(start: str, kind: Kind) -> None:
    assert {recognise(text) for name, text in TEXTS.items() if name.startswith(start)} == {kind}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("Dear reader,\nall is well.\n", "no kind"),
        ("4096\n", "bare number"),
        (TEXTS["jeprof-text-izeye-deflater.txt"], "jeprof"),
        (TEXTS["nmt-11-neo4j12637-detaildiff-sites-excerpt.txt"], "without its line Total:"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, words: str) -> None:
    found = recognise(text)
    assert isinstance(found, Unknown)
    assert words in found.reason


def test_a_bare_number_is_known_by_the_kernels_own_name_only() -> None:
    assert recognise("4096\n", "/somewhere/memory.current-1") is Kind.CGROUP
    assert recognise("max\n", "memory.max") is Kind.CGROUP
    assert isinstance(recognise("4096\n", "usage"), Unknown)


@given(text=st.text() | mutated(list(TEXTS.values())), name=st.text(max_size=30))
def test_recognising_never_raises(text: str, name: str) -> None:
    recognise(text, name)


@given(
    data=st.binary(max_size=2000) | mutated(list(TEXTS.values())).map(str.encode),
    name=st.text(max_size=30),
    packed=st.booleans(),
)
def test_no_file_breaks_the_analysis(data: bytes, name: str, packed: bool) -> None:
    found = analyze([Source(name, gzip.compress(data) if packed else data)])
    assert found.read or found.refused


@given(
    texts=st.lists(mutated(list(TEXTS.values())), min_size=1, max_size=5),
    names=st.lists(st.sampled_from(["a", "b-1", "b-2", "memory.stat"]), min_size=5, max_size=5),
    times=st.lists(st.sampled_from([0.0, 1.0, 90.0]), min_size=5, max_size=5),
)
def test_no_mix_breaks_the_analysis_and_its_order_does_not_matter(
    texts: list[str], names: list[str], times: list[float]
) -> None:
    sources = [Source(name, text.encode(), at) for name, text, at in zip(names, texts, times, strict=False)]
    assert analyze(sources) == analyze(sources[::-1])


@pytest.mark.parametrize("damage", [b"\x1f\x8bnot gzip", gzip.compress(b"x" * 100, mtime=0)[:-9]])
def test_a_broken_gzip_is_told(damage: bytes) -> None:
    pieces, refused = pieces_of(Source("a.gz", damage))
    assert (pieces, len(refused)) == ([], 1)
    assert "gzip" in refused[0].reason


def test_what_windows_writes_is_read() -> None:
    text = STATUS.replace("\n", "\r\n")
    for data in (text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode()):
        assert [piece.kind for piece in pieces_of(Source("s", data))[0]] == [Kind.STATUS]


def test_grep_of_a_cgroup_gives_its_files() -> None:
    text = "/sys/fs/cgroup/memory.current:4096\n/sys/fs/cgroup/memory.stat:anon 1\n/sys/fs/cgroup/memory.stat:file 2\n"
    pieces, _ = pieces_of(Source("g", text.encode()))
    assert {piece.member: piece.text for piece in pieces} == {"memory.current": "4096", "memory.stat": "anon 1\nfile 2"}


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("nmt-20261124T224435Z.txt", 1795560275.0),
        ("nmt_2026-11-24_22-44-35.txt", 1795560275.0),
        ("2026-11-24T22:44:35.txt", 1795560275.0),
        ("nmt-1795560275.txt", 1795560275.0),
        ("nmt-17.txt", None),
        ("nmt-20261324T224435Z.txt", None),
    ],
)
def test_the_time_in_a_name(name: str, at: float | None) -> None:
    assert time_in_name(name) == at


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("Tue Nov 24 22:44:35 UTC 2026", 1795560275.0),
        ("Tue Nov 24 22:44:35 2026", 1795560275.0),
        ("2026-11-24T22:44:35Z", 1795560275.0),
        ("=== 2026-11-24 23:44:35+01:00 ===", 1795560275.0),
        ("at 2026-11-24T22:44:35Z it began", None),
        ("1795560275", None),
        ("00007f0000000000-00007f0000001000", None),
    ],
)
def test_a_line_that_is_a_time(line: str, at: float | None) -> None:
    assert time_line(line) == at


@given(text=st.text("0123456789-:T .ZUTC+,", max_size=60))
def test_times_never_raise(text: str) -> None:
    time_line(text)
    time_in_name(text)
    last_time_in(text)


def test_texts_between_lines_of_date_have_their_times() -> None:
    text = f"Tue Nov 24 22:44:35 UTC 2026\n{STATUS}\n2026-11-24T22:45:35Z\n{STATUS}\nhello\n"
    pieces, refused = pieces_of(Source("log", text.encode(), 5.0))
    assert [(piece.kind, piece.at, piece.clock) for piece in pieces] == [
        (Kind.STATUS, 1795560275.0, Clock.TEXT),
        (Kind.STATUS, 1795560335.0, Clock.TEXT),
    ]
    assert refused == []


def test_smaps_after_smaps_are_told_apart() -> None:
    text = (FIXTURES / "smaps" / "smaps-17-measured-idle.txt").read_text()
    pieces, _ = pieces_of(Source("log", (text + text).encode()))
    assert [piece.text for piece in pieces] == [text, text]


def test_the_limit_of_an_oom_kill() -> None:
    text = TEXTS["oomkill-dmesg-adoptium1190.txt"] + "memory: usage 8388608kB, limit 8388608kB, failcnt 12\n"
    balance = analyze([Source("dmesg", text.encode())]).diagnosis.balance
    assert balance is not None
    assert balance.limit_bytes == 8 << 30
