"""The counters of buffers: an agent is put into the target's /tmp, loaded, heard and taken away, however that goes."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from offheap.collector.probes import buffer_pools
from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import FakeJattach, FakeProc, named, reasons

ANSWER = {
    "pools": [{"name": "direct", "count": 3, "used_bytes": 4096, "capacity_bytes": 4096}],
    "max_direct_bytes": 1 << 26,
    "disable_explicit_gc": False,
    "netty": [],
}
LOADED = "echo 'return code: 0'"
VERSION_21 = "printf 'JDK 21.0.13\\n'"
PLAN: dict[str, Any] = {
    "probes": {"buffer-pools": {}},
    "budget": {"target_memory_bytes": 1 << 30, "pause_seconds": 30, "stream_bytes": 8 << 20},
}
"""A budget beyond what the process of the tests has, which counts as the collector here."""


@pytest.fixture(autouse=True)
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "agent.jar"
    path.write_bytes(b"PK the agent")
    monkeypatch.setattr(buffer_pools, "JAR", str(path))
    return path


def answers(tmp: Path, text: str) -> str:
    """A JVM's part: it reads the agent and writes into the file whose path in its own root comes after the jar's."""
    return (
        f"test -s {tmp}/.offheap-buffer-pools.jar && ls -A {tmp} >> {tmp.parent}/seen;"
        f'printf %s {shlex.quote(text)} > {tmp.parent}"${{5#*=}}"; {LOADED}'
    )


def test_the_agents_answer_is_the_evidence(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    tmp = proc.java(7) / "root/tmp"
    jattach.behave(instrument=answers(tmp, json.dumps(ANSWER)))
    records = collect("sample", **PLAN)
    pools = named(records, "buffer-pools", "pools")
    assert [record["data"] for record in pools] == [ANSWER] * 3
    assert pools[0]["cost"]["pause_seconds"] == pytest.approx(0.0001)
    assert set((tmp.parent / "seen").read_text().split()) == {".offheap-buffer-pools.jar", ".offheap-buffer-pools.json"}
    assert list(tmp.iterdir()) == []


def test_it_is_not_loaded_unless_it_is_asked_for(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample")
    assert "instrument" not in jattach.calls
    assert not [record for record in records if record.get("probe") == "buffer-pools"]


def test_where_the_jvm_warns_of_agents_it_is_loaded_rarely(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    tmp = proc.java(7) / "root/tmp"
    jattach.behave(instrument=answers(tmp, json.dumps(ANSWER)), VM_version=VERSION_21)
    records = collect("sample", **PLAN, duration_seconds=135, deadline_seconds=300)
    assert [record["sample"] for record in named(records, "buffer-pools", "pools")] == [0, 4, 8, 9]


def test_a_jvm_that_was_told_to_expect_agents_does_not_warn(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    tmp = proc.java(7, "java", "-XX:+EnableDynamicAgentLoading", "Main") / "root/tmp"
    jattach.behave(instrument=answers(tmp, json.dumps(ANSWER)), VM_version=VERSION_21)
    assert len(named(collect("sample", **PLAN), "buffer-pools", "pools")) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "AgentSilent"),
        ("{", "AgentSilent"),
        ("[1]", "AgentSilent"),
        ('{"error": "java.lang.NoClassDefFoundError: java/lang/management/ManagementFactory"}', "ModuleMissing"),
    ],
)
def test_an_agent_that_cannot_answer_is_not_tried_again(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, answer: str, reason: str
) -> None:
    tmp = proc.java(7) / "root/tmp"
    jattach.behave(instrument=answers(tmp, answer))
    records = collect("sample", **PLAN)
    assert reasons(records) == {("buffer-pools", reason)}
    assert jattach.calls.count("instrument") == 1
    assert list(tmp.iterdir()) == []


def test_a_runtime_without_the_instrument_module_says_so(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7)
    jattach.behave(instrument="echo 'instrument was not loaded.'; echo 'libinstrument.so: cannot open'; exit 1")
    records = collect("sample", **PLAN)
    assert reasons(records) == {("buffer-pools", "AgentNotLoaded")}
    assert "libinstrument.so" in next(record["message"] for record in records if record["type"] == "skipped")
    assert records[-1]["outcome"] == "Completed"


def test_what_a_killed_collector_left_is_replaced(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    tmp = proc.java(7) / "root/tmp"
    (tmp / ".offheap-buffer-pools.jar").write_text("half a ja")
    jattach.behave(instrument=answers(tmp, json.dumps(ANSWER)))
    assert len(named(collect("sample", **PLAN), "buffer-pools", "pools")) == 3
    assert list(tmp.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_not_followed(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, tmp_path: Path
) -> None:
    tmp = proc.java(7) / "root/tmp"
    treasure = tmp_path / "treasure"
    treasure.write_text("untouched")
    (tmp / ".offheap-buffer-pools.json").symlink_to(treasure)
    (tmp / ".offheap-buffer-pools.jar").symlink_to(treasure)
    jattach.behave(instrument=answers(tmp, json.dumps(ANSWER)))
    collect("sample", **PLAN)
    assert treasure.read_text() == "untouched"


@pytest.mark.parametrize("blocked", ["link", "folder"])
def test_a_tmp_that_cannot_be_used_is_said(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, tmp_path: Path, blocked: str
) -> None:
    tmp = proc.java(7) / "root/tmp"
    if blocked == "link":
        tmp.rename(tmp_path / "elsewhere")
        tmp.symlink_to(tmp_path / "elsewhere")
    else:
        (tmp / ".offheap-buffer-pools.jar").mkdir()
    records = collect("sample", **PLAN)
    assert reasons(records) == {("buffer-pools", "TmpNotWritable")}
    assert "instrument" not in jattach.calls


def test_an_image_without_the_agent_says_so(proc: FakeProc, jar: Path, collect: Collect) -> None:
    tmp = proc.java(7) / "root/tmp"
    jar.unlink()
    assert reasons(collect("sample", **PLAN)) == {("buffer-pools", "ToolMissing")}
    assert list(tmp.iterdir()) == []


def test_two_collectors_do_not_work_in_one_target(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    tmp = proc.java(7) / "root/tmp"
    other = os.open(tmp, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        records = collect("sample", **PLAN)
    finally:
        os.close(other)
    assert reasons(records) == {("buffer-pools", "AnotherCollector")}
    assert "instrument" not in jattach.calls
