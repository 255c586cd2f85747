"""Programs of others run within bounds; what they cannot do is told and costs nothing else. Stand-ins of shell take their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from offheap.artifacts.files import File
from offheap.artifacts.jeprof import MOST_BYTES, draw, jeprof_files

JEPROF = """\
case "$1" in
--text) echo "Total: 5 B"; echo "$@"; cat last.heap ;;
--dot) echo "digraph {}" ;;
esac
"""
DOT = 'echo "$1 of $(cat "$2")"'


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs in front of all others, empty yet."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    return folder


def program(tools: Path, name: str, script: str) -> None:
    (tools / name).write_text(f"#!/bin/sh\n{script}\n")
    (tools / name).chmod(0o755)


def test_a_table_and_two_pictures_come_of_two_profiles(tools: Path, tmp_path: Path) -> None:
    program(tools, "jeprof", JEPROF)
    program(tools, "dot", DOT)
    drawn = draw("what lives", "what lived")
    assert drawn.text == b"Total: 5 B\n--text --base=base.heap --show_bytes last.heap\nwhat lives"
    assert (drawn.svg, drawn.pdf, drawn.reasons) == (b"-Tsvg of digraph {}\n", b"-Tpdf of digraph {}\n", ())
    assert list((tmp_path / "work").iterdir()) == [], "nothing is left behind"


def test_without_the_programs_the_reasons_are_told(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tools))
    drawn = draw("what lives")
    assert (drawn.text, drawn.svg, drawn.pdf) == (None, None, None)
    assert drawn.reasons == ("jeprof is not installed",)


def test_a_table_comes_where_only_dot_is_missing(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tools, "jeprof", JEPROF.replace("cat last.heap", ":"))
    monkeypatch.setenv("PATH", str(tools))
    drawn = draw("what lives")
    assert drawn.text is not None
    assert (drawn.svg, drawn.reasons) == (None, ("dot is not installed",))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo oh no >&2; exit 3", "jeprof failed (3): oh no"),
        ("exit 0", "jeprof wrote nothing"),
        ("sleep 1000 & sleep 1000", "jeprof was not done in its time"),
    ],
)
def test_a_program_that_fails_is_told(tools: Path, script: str, reason: str) -> None:
    program(tools, "jeprof", script)
    drawn = draw("what lives", seconds=0.5)
    assert drawn.text is None
    assert drawn.reasons[0] == reason


def test_more_output_than_allowed_is_cut_off(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offheap.artifacts.jeprof.MOST_BYTES", 1 << 16)
    program(tools, "jeprof", "exec cat /dev/zero")
    assert draw("what lives").text is None


def test_more_memory_than_allowed_ends_it(tools: Path) -> None:
    program(tools, "jeprof", """exec perl -e 'my $x = "x" x (200 << 20); print length $x'""")
    assert draw("what lives", memory_bytes=100 << 20).text is None


def test_a_work_folder_that_is_not_there_is_told(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert "no room" in draw("what lives").reasons[0]


def test_the_pictures_lie_beside_the_profile_they_are_of(tools: Path) -> None:
    program(tools, "jeprof", JEPROF)
    program(tools, "dot", DOT)
    files = [File("jemalloc/grown.symbolized.heap", "jeprof-symbolized", b"grown"), File("a.pb.gz", "pprof", b"x")]
    made = jeprof_files(files)
    assert [(file.name, file.kind) for file in made] == [
        ("jemalloc/grown.jeprof.txt", "jeprof-text"),
        ("jemalloc/grown.jeprof.svg", "svg"),
        ("jemalloc/grown.jeprof.pdf", "pdf"),
    ]


def test_what_could_not_be_made_is_a_file_too(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tools))
    (file,) = jeprof_files([File("jemalloc/live.symbolized.heap", "jeprof-symbolized", b"live")])
    assert (file.name, file.data) == ("jemalloc/live.jeprof.missing.txt", b"jeprof is not installed\n")


def test_a_profile_that_would_fill_the_disk_is_not_drawn() -> None:
    drawn = draw("x" * (MOST_BYTES + 1))
    assert (drawn.text, drawn.svg, drawn.pdf) == (None, None, None)
    assert "larger" in drawn.reasons[0]
