"""perf by a perf of shell: what is folded, named, refused, and taken away again."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.attach import Attach
from offheap.collector.outcome import Skip
from offheap.collector.perf import Stacks
from offheap.collector.plan import parse_plan
from offheap.collector.probes import perf
from offheap.collector.procfs import Proc
from offheap.collector.text import Text
from offheap.collector.visit import Visit
from tests.unit.collector.fakes import FakeJattach, FakeProc, plan_text
from tests.unit.collector.test_content import visit_of

SCRIPT = """\
pool-3-thread-1   10101010
\t    7f1000000120
\t    7f1000000220
\t    7f1000000a10

pool-3-thread-2   10101010
\t    7f1000000120 [unknown]
\t    7f1000000220 [unknown]
\t    7f1000000a10 [unknown]

java    5000000
\t    7fffffffff00

"""
MAP = """\
7f1000000100 80 void com.acme.Orders.fill(java.nio.ByteBuffer, int)
7f1000000200 80 com.acme.Order com.acme.Orders.take()
7f1000000a00 40 StubRoutines (1)
not a line
"""
DENIED = "Error:\nNo permission to enable cpu-clock:u event.\n"


@pytest.fixture
def fake_perf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(record: str = "true", script: str = SCRIPT, target: str = "true") -> None:
        path = tmp_path / "bin" / "perf"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'#!/bin/sh\ncase "$*" in\n  *" -p "*) {target} ;;\n  record*) {record} ;;\n'
            f"  script*) cat > /dev/null; printf %s {shlex.quote(script)} ;;\nesac\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    install()
    return install


def visit(proc: FakeProc, jattach: FakeJattach, feature: int = 17) -> Visit:
    proc.java(7, caught=0x4)
    made = visit_of(Proc(str(proc.root)), 7)
    attach = Attach(made.proc, 7, made.meter, made.clock, jattach=str(jattach.path), pause_budget_seconds=1)
    plan = parse_plan(plan_text("sample", probes={"perf": {"duration_seconds": 1}}))
    return made._replace(plan=plan, attach=attach, jvm=made.jvm._replace(feature=feature))


def text_of(data: object) -> str:
    assert isinstance(data, Text)
    return data.head


def test_stacks_are_folded_by_thread_and_named_by_the_jvms_own_map(
    proc: FakeProc, jattach: FakeJattach, fake_perf: Any
) -> None:
    seen = visit(proc, jattach)
    path = proc.root / "7/root/tmp/perf-7.map"
    jattach.behave(Compiler_perfmap=f"printf %s {shlex.quote(MAP)} > {shlex.quote(str(path))}")
    assert text_of(perf.take_threads(seen).data) == (
        "pool-#-thread-#;StubRoutines (1);com.acme.Orders.take_[j];com.acme.Orders.fill_[j] 20\njava;[unknown] 5\n"
    )
    assert jattach.calls == ["Compiler.perfmap"]
    assert not path.exists()


def test_a_map_of_somebody_else_is_read_and_stays(proc: FakeProc, jattach: FakeJattach, fake_perf: Any) -> None:
    seen = visit(proc, jattach, feature=8)
    path = proc.root / "7/root/tmp/perf-7.map"
    path.write_text(MAP)
    assert "com.acme.Orders.fill_[j]" in text_of(perf.take_page_faults(seen).data)
    assert jattach.calls == []
    perf.undo(seen)
    assert path.exists()


def test_without_a_map_the_stacks_are_there_all_the_same(proc: FakeProc, jattach: FakeJattach, fake_perf: Any) -> None:
    assert (
        text_of(perf.take_threads(visit(proc, jattach, feature=11)).data)
        == "pool-#-thread-#;[unknown] 20\njava;[unknown] 5\n"
    )


@pytest.mark.parametrize(
    "refused",
    [
        {"record": f"printf %s {shlex.quote(DENIED)} >&2; exit 255"},
        {"target": "echo 'Access to performance monitoring and observability operations is limited.' >&2; exit 255"},
    ],
)
def test_the_missing_right_is_named(
    proc: FakeProc, jattach: FakeJattach, fake_perf: Any, refused: dict[str, str]
) -> None:
    fake_perf(script="", **refused)
    with pytest.raises(Skip, match="PerfNotPermitted") as skipped:
        perf.take_threads(visit(proc, jattach))
    assert "CAP_PERFMON" in skipped.value.message


def test_another_failure_is_told_as_it_is(proc: FakeProc, jattach: FakeJattach, fake_perf: Any) -> None:
    fake_perf(record="echo 'event syntax error' >&2; exit 129")
    with pytest.raises(Skip, match=r"PerfFailed.*event syntax error"):
        perf.take_threads(visit(proc, jattach))


def test_without_perf_it_is_skipped(
    proc: FakeProc, jattach: FakeJattach, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Skip, match="ToolMissing"):
        perf.take_threads(visit(proc, jattach))


@given(st.lists(st.binary(max_size=200) | st.sampled_from(SCRIPT.encode().splitlines(keepends=True)), max_size=40))
def test_any_output_is_folded(chunks: list[bytes]) -> None:
    stacks = Stacks()
    for chunk in chunks:
        stacks.feed(chunk)
    stacks.finish()
    assert all(weight >= 0 and len(frames) <= 128 for (_, frames), weight in stacks.weights.items())


@given(st.integers(1, 60))
def test_where_the_output_is_cut_does_not_matter(size: int) -> None:
    whole, pieces = Stacks(), Stacks()
    whole.feed(SCRIPT.encode())
    for at in range(0, len(SCRIPT), size):
        pieces.feed(SCRIPT.encode()[at : at + size])
    whole.finish()
    pieces.finish()
    assert whole.weights == pieces.weights
    assert sorted(whole.weights.values()) == [5_000_000, 20_202_020]
