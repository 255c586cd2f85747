"""Samples: their order, their budget, and how they end when the target or the JVM does not play along."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from offheap.collector import sample
from offheap.collector.outcome import Ended
from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import ROLLUP, SMAPS, FakeJattach, FakeProc, inflated, named, reasons


def budget(**fields: Any) -> dict[str, Any]:
    return {"target_memory_bytes": 32 << 20, "pause_seconds": 30, "stream_bytes": 8 << 20, **fields}


def test_a_whole_run(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample")
    assert [r["seq"] for r in records] == list(range(len(records)))
    assert [records[0]["type"], records[-1]["type"], records[-1]["outcome"]] == ["hello", "end", "Completed"]
    by_sample: dict[int, list[str]] = {}
    for r in records:
        if "sample" in r:
            by_sample.setdefault(r["sample"], []).append(f"{r['probe']}/{r['name']}")
    first, middle, last = (set(by_sample[n]) for n in (0, 1, 2))
    always = {"cgroup/memory", "process/status", "smaps/rollup", "smaps/smaps", "jvm/heap_info"}
    edges = {"process/others", "process/fds", "jvm/threads", "jvm/metaspace", "jvm/codecache"}
    assert first == always | edges | {"nmt/baseline", "nmt/summary"}
    assert middle == always | {"nmt/summary.diff", "nmt/detail.diff"}
    assert last == middle | edges | {"jvm/classloader_stats"}
    assert jattach.calls.count("VM.native_memory baseline") == 1
    assert by_sample[0].index("nmt/baseline") < by_sample[0].index("nmt/summary")


def test_the_end_tells_what_it_cost(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave(VM_classloader_stats="sleep 0.3; echo loaders")
    records = collect("sample")
    cost = records[-1]["cost"]
    assert cost["peak_pss_bytes"] > 1 << 20
    assert cost["stream_bytes"] == sum(len(json.dumps(r, separators=(",", ":"))) + 1 for r in records[:-1])
    pauses = {r["name"]: r["cost"]["pause_seconds"] for r in records if "sample" in r}
    assert {name for name, pause in pauses.items() if pause} == {"classloader_stats"}
    assert cost["pause_seconds"] == pytest.approx(pauses["classloader_stats"], abs=1e-4)


def test_the_texts_are_what_the_kernel_and_the_jvm_said(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample")
    assert inflated(named(records, "smaps", "rollup")[0]) == ROLLUP
    smaps = inflated(named(records, "smaps", "smaps")[0]).splitlines()
    assert set(smaps) < set(SMAPS.splitlines())
    assert "Swap:                  0 kB" not in smaps
    assert inflated(named(records, "nmt", "baseline")[0]) == "Baseline taken\n"
    assert len(inflated(named(records, "nmt", "detail.diff")[0])) > 10_000
    assert named(records, "cgroup", "memory")[0]["data"] == {
        "version": 2,
        "files": {
            "memory.current": f"{64 << 20}\n",
            "memory.max": f"{256 << 20}\n",
            "memory.stat": "anon 60000000\nfile 1000\ninactive_file 500\n",
        },
    }
    assert named(records, "jvm", "threads")[0]["data"] == {
        "count": 4,
        "stems": {"GC Thread##": 2, "java": 1, "pool-#-thread-#": 1},
    }


def test_observing_asks_the_jvm_nothing(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample", attach=False)
    assert jattach.calls == []
    assert reasons(records) == {("jvm", "AttachNotAllowed"), ("nmt", "AttachNotAllowed")}
    assert len(named(records, "smaps", "smaps")) == 3


def test_without_nmt_wanted_there_is_no_baseline(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample", nmt="off")
    assert not [r for r in records if r.get("probe") == "nmt"]
    assert "VM.native_memory baseline" not in jattach.calls


def test_nmt_that_is_off_is_said_once(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave(VM_native_memory__summary="echo 'Native memory tracking is not enabled'")
    records = collect("sample")
    assert [r["reason"] for r in records if r["type"] == "skipped"] == ["NmtOff"]
    assert len(named(records, "jvm", "heap_info")) == 3


def test_call_sites_need_nmt_detail(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7, "java", "-XX:NativeMemoryTracking=summary", "Main")
    jattach.behave(VM_flags="echo -XX:NativeMemoryTracking=summary")
    records = collect("sample")
    assert ("nmt", "NmtNotDetail") in reasons(records)
    assert len(named(records, "nmt", "summary.diff")) == 2
    assert not named(records, "nmt", "detail.diff")


def test_a_command_that_this_jvm_does_not_know_costs_only_itself(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7)
    unknown = "echo 'java.lang.IllegalArgumentException: Unknown diagnostic command'; exit 255"
    jattach.behave(GC_heap_info=unknown)
    records = collect("sample")
    assert reasons(records) == {("jvm", "CommandUnknown")}
    assert len(named(records, "jvm", "metaspace")) == 2


def test_a_jvm_that_restarts_in_the_middle_ends_it(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    anew = (home / "stat").read_text().replace(" 1000 ", " 2000 ")
    jattach.behave(VM_metaspace__basic=f"printf %s {shlex.quote(anew)} > {shlex.quote(str(home / 'stat'))}")
    records = collect("sample")
    assert records[-1]["outcome"] == "TargetChanged"
    assert not named(records, "jvm", "metaspace")
    assert named(records, "nmt", "baseline")


def test_a_target_that_dies_leaves_what_was_taken(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    home = proc.java(7)
    jattach.behave(VM_metaspace__basic=f"rm -r {shlex.quote(str(home))}; exit 1")
    records = collect("sample")
    assert records[-1]["outcome"] == "TargetGone"
    assert named(records, "smaps", "smaps")


def test_near_its_limit_the_jvm_is_not_asked_but_cheap_evidence_goes_on(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7)
    proc.charge(7, usage=(16 << 30) - 1, limit=16 << 30)
    records = collect("sample", budget=budget(target_memory_bytes=4 << 30))
    assert {("nmt", "HeadroomTooSmall"), ("jvm", "HeadroomTooSmall")} <= reasons(records)
    assert "VM.native_memory baseline" not in jattach.calls
    assert len(named(records, "cgroup", "memory")) == 3
    assert len(named(records, "smaps", "rollup")) == 3


def test_page_cache_that_can_be_dropped_is_room(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7)
    proc.charge(7, usage=(16 << 30) - 1, limit=16 << 30)
    (home / "root/sys/fs/cgroup/memory.stat").write_text(f"anon 60000000\ninactive_file {8 << 30}\n")
    assert not reasons(collect("sample", budget=budget(target_memory_bytes=4 << 30)))


def test_a_pause_budget_of_nothing_forbids_what_stops_the_jvm(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7)
    records = collect("sample", budget=budget(pause_seconds=0))
    assert reasons(records) == {("jvm", "PauseBudgetExceeded")}
    assert "VM.classloader_stats" not in jattach.calls
    assert len(named(records, "jvm", "metaspace")) == 2
    assert named(records, "nmt", "summary.diff")
    assert records[-1]["cost"]["pause_seconds"] == 0


def test_a_small_stream_gives_up_full_smaps_first(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7)
    lines = "".join(
        f"{n * 7919:012x}-{n * 7919 + 1:012x} rw-p 00000000 00:00 0\nRss: {n * 31 % 997} kB\n" for n in range(900)
    )
    (home / "smaps").write_text(lines)
    records = collect(
        "sample", attach=False, interval_seconds=2, duration_seconds=30, budget=budget(stream_bytes=100_000)
    )
    full, rollups = named(records, "smaps", "smaps"), named(records, "smaps", "rollup")
    assert ("smaps", "BudgetExceeded") in reasons(records)
    assert len(full) < len(rollups)
    assert full[0]["sample"] == 0
    assert full[-1]["sample"] == rollups[-1]["sample"]
    assert records[-1]["outcome"] == "Completed"
    assert records[-1]["cost"]["stream_bytes"] < 100_000


def test_a_long_run_is_stretched_over_its_budget(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    records = collect(
        "sample", attach=False, interval_seconds=1, duration_seconds=50, budget=budget(stream_bytes=60_000)
    )
    assert ("process", "IntervalStretched") in reasons(records)
    assert records[-1]["outcome"] == "Completed"
    assert records[-1]["cost"]["stream_bytes"] < 60_000


def test_a_stream_too_small_for_anything_ends_with_the_reason(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample", budget=budget(stream_bytes=22_000))
    assert records[-1]["outcome"] == "BudgetExceeded"
    assert records[-1]["cost"]["stream_bytes"] < 22_000


def test_the_deadline_ends_it(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    records = collect("sample", attach=False, deadline_seconds=90, duration_seconds=600, interval_seconds=600)
    assert records[-1]["outcome"] == "DeadlineExceeded"
    assert named(records, "smaps", "smaps")


def test_an_endless_answer_is_cut_off(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave(GC_heap_info="exec yes")
    records = collect("sample")
    assert reasons(records) == {("jvm", "AnswerTooLarge")}
    assert records[-1]["outcome"] == "Completed"


def test_terminal_sequences_of_the_target_are_taken_out(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7, threads=("\x1b[2Jevil\x07", "java"))
    jattach.behave(GC_heap_info=r"printf 'heap \033[31mred\033[0m \233 end\n'")
    records = collect("sample")
    assert inflated(named(records, "jvm", "heap_info")[0]) == "heap red \ufffd end\n"
    assert set(named(records, "jvm", "threads")[0]["data"]["stems"]) == {"evil", "java"}


def test_an_undoing_that_fails_keeps_the_target_from_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fails() -> None:
        raise OSError("too many open files")

    def cut_short(*given: Any) -> None:
        given[-1].update({"a": fails, "b": lambda: done.append("b")})
        raise Ended("TargetGone", "it was killed")

    monkeypatch.setattr(sample, "_instants", cut_short)
    nobody: Any = None
    with pytest.raises(Ended, match="killed"):
        sample.sample(nobody, nobody, nobody)
    assert done == ["b"]
