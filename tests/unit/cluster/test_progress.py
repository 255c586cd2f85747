"""Every failure says what was tried and what came of it."""

from pathlib import Path

import pytest

from cluster.progress import TAIL_LINES, Failed, run, run_logged, step, wait_until


def test_a_step_shows_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with step("boiling water"):
        pass
    with pytest.raises(Failed), step("boiling stones"):
        raise Failed("no")
    good, bad = capsys.readouterr().out.splitlines()
    assert good.startswith("✓ boiling water")
    assert bad.startswith("✗ boiling stones")


def test_a_failed_command_is_quoted_with_what_it_said() -> None:
    with pytest.raises(Failed, match=r"(?s)`sh -c echo broken >&2; exit 3` exited 3:\nbroken"):
        run(["sh", "-c", "echo broken >&2; exit 3"])


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(Failed, match="`/nonexistent/program` cannot be started"):
        run(["/nonexistent/program"])


def test_a_command_that_does_not_end_is_ended() -> None:
    with pytest.raises(Failed, match=r"did not end within 0\.1 s"):
        run(["sleep", "600"], 0.1)


def test_the_report_ends_with_the_last_lines_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "build.log"
    with pytest.raises(Failed) as failure:
        run_logged(["sh", "-c", "seq 1 1000; exit 1"], log, 60)
    lines = failure.value.report().splitlines()
    assert lines[-1] == "1000"
    assert len(lines) == TAIL_LINES + 2
    assert len(log.read_text().splitlines()) == 1000


def test_waiting_is_bounded_and_names_what_did_not_come() -> None:
    with pytest.raises(Failed, match="the moon: not within 0 s"):
        wait_until("the moon", lambda: False, 0)
