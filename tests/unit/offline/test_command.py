"""The command line: exit codes, what is printed, and what the disk holds."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from offheap.__main__ import main
from tests.unit.offline.hand import RUNS

FIXTURES = Path(__file__).parents[2] / "fixtures"
LEAK = FIXTURES / "nmt" / "nmt-8-zanxiaofeng-direct-memory-oom-seriesMB.txt"
OPEN = FIXTURES / "nmt" / "nmt-17-measured-direct-summarydiff.txt"


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, words)], catch_exceptions=False)


def test_a_verdict_exits_with_0() -> None:
    result = call(LEAK)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Verdict: DirectBuffers (High confidence)\n")
    for part in (
        "What to do:",
        "Findings:",
        "Balance:",
        "  directBuffersOrUnsafe ",
        "Read:",
        "2025-02-22T08:00:05Z to 2025-02-22T08:00:39Z (told by the text)",
    ):
        assert part in result.output


def test_an_open_case_exits_with_1_and_says_what_to_collect() -> None:
    result = call(OPEN)
    assert result.exit_code == 1
    assert result.output.startswith("Verdict: Inconclusive\nSuspicion: DirectBuffers\n")
    assert "To decide it, collect:\n  - jcmd PID VM.native_memory summary" in result.output


def test_nothing_readable_exits_with_2_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear reader")
    result = call(tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "letter: of no kind that is known here" in result.stderr


def test_an_empty_directory_and_a_missing_file(tmp_path: Path) -> None:
    assert call(tmp_path).exit_code == 2
    assert call(tmp_path / "absent").exit_code == 2
    assert CliRunner().invoke(main, ["analyze"]).exit_code == 2


def test_directories_hidden_files_links_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "run.gz").write_bytes(gzip.compress((RUNS / "threads-17.ndjson").read_bytes()))
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "again").symlink_to(tmp_path / "deep" / "run.gz")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    result = call(tmp_path, tmp_path / "deep", "--output", "json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["verdict"]["kind"] == "Threads"
    assert len(answer["read"]) == 1
    assert [each["file"] for each in answer["notRead"]] == [str(tmp_path / "gone")]


def test_json_says_the_same_as_the_text(tmp_path: Path) -> None:
    shutil.copy(LEAK, tmp_path / "log")
    (tmp_path / "letter").write_text("Dear reader")
    answer = json.loads(call(tmp_path, "-o", "json").output)
    assert answer["verdict"]["confidence"] == "High"
    assert answer["verdict"]["growthBytesPerHour"] > 0
    assert sum(row["bytes"] for row in answer["balance"]["rows"]) == answer["balance"]["usageBytes"]
    assert answer["findings"][0]["evidence"] == [str(tmp_path / "log")]
    assert answer["notRead"] == [{"file": str(tmp_path / "letter"), "reason": "of no kind that is known here"}]
    assert (answer["suspicion"], answer["toCollect"]) == (None, [])
