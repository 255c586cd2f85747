"""malloc's own account, and the experiments: only when asked for, with the process's memory before and after."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import MAPS, ROLLUP, FakeJattach, FakeProc, Record, inflated, named

XML = '<malloc version="1">\n<heap nr="0">\n</heap>\n</malloc>\n'
BOTH = {"malloc-info": {"gc": True, "trim": True}}
MIB = 1 << 20


def modern(jattach: FakeJattach, number: str = "21.0.13", **answers: str) -> None:
    jattach.behave(
        VM_version=f"printf 'OpenJDK 64-Bit Server VM version x\\nJDK {number}\\n'",
        System_native_heap_info=f"sleep 0.2; printf %s {shlex.quote(XML)}",
        **answers,
    )


def skips(records: list[Record]) -> list[str]:
    return [r["reason"] for r in records if r["type"] == "skipped" and r["probe"] == "malloc-info"]


def becomes(home: Path, rss_kib: int, anonymous_kib: int) -> str:
    """Shell that lets the process have so much memory."""
    text = ROLLUP.replace("18432", str(rss_kib)).replace("Anonymous:         10240", f"Anonymous: {anonymous_kib}")
    return f"printf %s {shlex.quote(text)} > {shlex.quote(str(home / 'smaps_rollup'))}"


def test_reading_is_done_at_both_ends(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    modern(jattach)
    records = collect("sample", probes={"malloc-info": {}})
    assert [(r["sample"], inflated(r)) for r in named(records, "malloc-info", "info")] == [(0, XML), (2, XML)]
    assert all(r["cost"]["pause_seconds"] > 0 for r in named(records, "malloc-info", "info"))
    assert not {"GC.run", "System.trim_native_heap"} & set(jattach.calls)
    assert not skips(records)


def test_experiments_come_last_with_before_and_after(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    modern(
        jattach,
        GC_run="sleep 0.2; " + becomes(home, 17408, 9216) + "; echo Command executed successfully",
        System_trim_native_heap="sleep 0.2; "
        + becomes(home, 16384, 8192)
        + "; echo 'Trim native heap: RSS+Swap: 17M->16M (-1M)'",
    )
    records = collect("sample", probes={**BOTH, "jvm": {}})
    (gc,), (trim,) = named(records, "malloc-info", "gc"), named(records, "malloc-info", "trim")
    assert gc["data"] == {
        "rss_before_bytes": 18 * MIB,
        "rss_after_bytes": 17 * MIB,
        "anonymous_before_bytes": 10 * MIB,
        "anonymous_after_bytes": 9 * MIB,
        "answer": "Command executed successfully",
    }
    assert (trim["data"]["anonymous_before_bytes"], trim["data"]["anonymous_after_bytes"]) == (9 * MIB, 8 * MIB)
    assert trim["data"]["answer"] == "Trim native heap: RSS+Swap: 17M->16M (-1M)"
    assert jattach.calls[-2:] == ["GC.run", "System.trim_native_heap"]
    pauses = [r["cost"]["pause_seconds"] for r in records if r["type"] == "evidence" and "sample" in r]
    assert gc["cost"]["pause_seconds"] > 0
    assert trim["cost"]["pause_seconds"] > 0
    assert records[-1]["cost"]["pause_seconds"] == pytest.approx(sum(pauses), abs=1e-4)


@pytest.mark.parametrize("option", ["gc", "trim"])
def test_each_is_done_only_when_asked_for(proc: FakeProc, jattach: FakeJattach, collect: Collect, option: str) -> None:
    proc.java(7)
    modern(jattach, GC_run=":", System_trim_native_heap=":")
    records = collect("sample", probes={"malloc-info": {option: True}})
    assert [r["name"] for r in records if r.get("probe") == "malloc-info" and r["name"] != "info"] == [option]


@pytest.mark.parametrize(("number", "reason"), [("8.0_504", "JdkTooOld"), ("11.0.13", "CommandUnknown")])
def test_an_old_jdk_cannot_trim_but_collect(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, number: str, reason: str
) -> None:
    proc.java(7)
    modern(jattach, number, GC_run=":")
    records = collect("sample", probes=BOTH)
    assert "System.native_heap_info" not in jattach.calls
    assert set(skips(records)) == {"JdkTooOld", reason}
    assert named(records, "malloc-info", "gc")


@pytest.mark.parametrize("library", ["/opt/libjemalloc.so.2", "/lib/ld-musl-x86_64.so.1"])
def test_another_allocator_is_not_taken_for_glibcs(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, library: str
) -> None:
    proc.java(7, maps=MAPS + f"7f0004000000-7f0004200000 r-xp 00000000 08:01 103 {library}\n")
    modern(jattach, GC_run=":")
    records = collect("sample", probes=BOTH)
    assert skips(records) == ["NotGlibc"]
    assert not {"System.native_heap_info", "System.trim_native_heap"} & set(jattach.calls)


def test_a_collection_that_would_take_too_long_is_not_begun(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    home = proc.java(7)
    (home / "smaps_rollup").write_text(ROLLUP.replace("10240", str(8 << 20)))
    modern(jattach, System_trim_native_heap=":")
    budget: dict[str, Any] = {"target_memory_bytes": 32 << 20, "pause_seconds": 3.0, "stream_bytes": 8 << 20}
    records = collect("sample", probes=BOTH, budget=budget)
    (message,) = [r["message"] for r in records if r["type"] == "skipped"]
    assert "may stop the JVM for 4.0 s" in message
    assert "GC.run" not in jattach.calls
    assert named(records, "malloc-info", "trim")


def test_answers_that_nothing_was_done_are_no_results(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    modern(
        jattach,
        GC_run="echo 'Explicit GC is disabled, no GC has been performed.'",
        System_trim_native_heap="echo 'Not available on this platform.'",
    )
    records = collect("sample", probes=BOTH)
    assert skips(records) == ["ExplicitGcDisabled", "NotGlibc"]
    assert not named(records, "malloc-info", "gc") + named(records, "malloc-info", "trim")
