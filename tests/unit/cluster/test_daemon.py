"""A process is known again by what it is, not by its number alone."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster import daemon, settings
from cluster.daemon import Daemon
from cluster.progress import Failed
from cluster.settings import Cluster

# A daemon is meant to outlive the object that started it.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

SLEEPER = Daemon("sleeper", ("sleep", "600"), lambda: True)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for root in ("STATE_ROOT", "RUN_ROOT"):
        monkeypatch.setattr(settings, root, tmp_path / root)
    made = Cluster("trial")
    yield made
    for name in daemon.recorded(made):
        daemon.stop(made, name)


def started(cluster: Cluster, wanted: Daemon) -> int:
    daemon.start(cluster, wanted)
    pid = daemon.pid_of(cluster, wanted.name)
    assert pid is not None
    return pid


def test_what_was_started_is_current_until_it_is_stopped(cluster: Cluster) -> None:
    started(cluster, SLEEPER)
    assert daemon.current(cluster, SLEEPER)
    assert daemon.recorded(cluster) == ["sleeper"]
    daemon.stop(cluster, "sleeper")
    assert not daemon.current(cluster, SLEEPER)
    assert daemon.recorded(cluster) == []


def test_another_command_is_not_current(cluster: Cluster) -> None:
    started(cluster, SLEEPER)
    assert not daemon.current(cluster, replace(SLEEPER, command=("sleep", "601")))


def test_changed_configuration_is_not_current(cluster: Cluster, tmp_path: Path) -> None:
    configuration = tmp_path / "configuration"
    configuration.write_text("one")
    configured = replace(SLEEPER, inputs=(configuration,))
    started(cluster, configured)
    assert daemon.current(cluster, configured)
    configuration.write_text("two")
    assert not daemon.current(cluster, configured)


def test_the_path_of_a_checkout_makes_no_difference(cluster: Cluster) -> None:
    started(cluster, replace(SLEEPER, identity=("sleep",)))
    assert daemon.current(cluster, replace(SLEEPER, command=("sleep", "601"), identity=("sleep",)))


def test_a_pid_that_went_to_somebody_else_is_left_alone(cluster: Cluster) -> None:
    pid = started(cluster, SLEEPER)
    record = cluster.run / "sleeper.process"
    read = json.loads(record.read_text())
    record.write_text(json.dumps(read | {"start": read["start"] - 1}))
    assert daemon.pid_of(cluster, "sleeper") is None
    daemon.stop(cluster, "sleeper")
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "RSD"
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"pid": "x"}', "{"])
def test_a_broken_record_is_no_process(cluster: Cluster, broken: str) -> None:
    cluster.run.mkdir(parents=True)
    (cluster.run / "sleeper.process").write_text(broken)
    assert daemon.pid_of(cluster, "sleeper") is None


def test_a_process_that_ends_at_its_start_is_a_failure_with_its_last_words(cluster: Cluster) -> None:
    broken = Daemon("broken", ("sh", "-c", "echo no such flag; exit 3"), lambda: False)
    daemon.start(cluster, broken)
    with pytest.raises(Failed) as failure:
        daemon.wait_healthy(cluster, broken)
    assert "broken exited at its start" in failure.value.report()
    assert "no such flag" in failure.value.report()


def test_the_log_of_the_run_before_is_kept(cluster: Cluster) -> None:
    for word in ("first", "second"):
        speaker = Daemon("speaker", ("sh", "-c", f"echo {word}"), lambda: False)
        daemon.start(cluster, speaker)
        with pytest.raises(Failed):
            daemon.wait_healthy(cluster, speaker)
    assert (cluster.logs / "speaker.log").read_text() == "second\n"
    assert (cluster.logs / "speaker.log.before").read_text() == "first\n"


def test_what_ignores_the_request_to_end_is_killed(cluster: Cluster) -> None:
    deaf = Daemon("deaf", ("sh", "-c", "trap '' TERM; while :; do sleep 1; done"), lambda: True)
    started(cluster, deaf)
    daemon.stop(cluster, "deaf", 0.3)
    assert daemon.pid_of(cluster, "deaf") is None
