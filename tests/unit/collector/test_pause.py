"""How long the JVM stood still is judged by how long its answer took, less what any answer takes."""

from __future__ import annotations

from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import FakeJattach, FakeProc, named

START_SECONDS = 0.2


def test_what_every_question_takes_is_no_pause(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    """All answers are slow to begin; the one that stops the JVM is slower by 0.3 s."""
    proc.java(7)
    jattach.behave(f"sleep {START_SECONDS}", VM_classloader_stats="sleep 0.3; echo loaders")
    (record,) = named(collect("sample"), "jvm", "classloader_stats")
    cost = record["cost"]
    assert cost["pause_seconds"] <= cost["wall_seconds"] - START_SECONDS
    assert cost["pause_seconds"] > 0


def test_it_is_never_below_nothing(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave('[ "$3" = VM.classloader_stats ] || sleep 0.2')
    records = collect("sample")
    assert named(records, "jvm", "classloader_stats")[0]["cost"]["pause_seconds"] == 0
    assert records[-1]["cost"]["pause_seconds"] == 0
