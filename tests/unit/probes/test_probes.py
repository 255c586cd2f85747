"""The operator's view of the probes and the collector's must not drift apart: they share no code, only names."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from offheap.api.v1alpha1 import CollectorStatus, Jvm, MemoryInvestigation, PodStatus, StageStatus, Status
from offheap.api.words import CollectorStep, Intrusion, Stage
from offheap.collector.plan import Target, parse_plan
from offheap.collector.probes import TAKES
from offheap.probes import PROBES, by_name, for_level
from offheap.probes.collector_plan import plan_json


def investigation(**spec: Any) -> MemoryInvestigation:
    target = {"kind": "Deployment", "name": "orders"}
    metadata = {"name": "orders-oom", "namespace": "shop", "uid": "u-1"}
    return MemoryInvestigation.model_validate({"metadata": metadata, "spec": {"target": target, **spec}})


def pod(jvm: Jvm | None = None) -> PodStatus:
    return PodStatus(name="orders-1", uid="p-1", container="app", jvm=jvm)


def test_each_take_of_the_collector_belongs_to_a_probe_that_promises_it() -> None:
    for take in TAKES:
        probe = by_name(take.probe)
        assert probe is not None
        assert take.name in probe.yields


def test_a_stronger_level_allows_all_that_a_milder_one_does() -> None:
    levels: tuple[Intrusion, ...] = get_args(Intrusion)
    allowed = [set(for_level(level)) for level in levels]
    assert [probe.name for probe in for_level("Observe")] == ["process", "cgroup", "smaps", "pmap"]
    assert all(milder <= stronger for milder, stronger in itertools.pairwise(allowed))
    assert allowed[-1] == set(PROBES)


def test_names_are_unique_and_unknown_ones_are_none() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES)
    assert by_name("crystal-ball") is None


def collector(
    step: CollectorStep = "Sample", at: datetime | None = None, stage: Stage | None = None
) -> CollectorStatus:
    return CollectorStatus(
        name="c", step=step, stage=stage, pod="p", pod_uid="u", container="app", state="Intended", started_at=at
    )


@pytest.mark.parametrize("step", get_args(CollectorStep))
@pytest.mark.parametrize("intrusion", get_args(Intrusion))
@pytest.mark.parametrize("nmt", ["Off", "Summary", "Detail"])
def test_the_collector_accepts_what_the_builder_makes(step: CollectorStep, intrusion: Intrusion, nmt: str) -> None:
    spec = {"intrusion": intrusion, "instrumentation": {"nmt": nmt}, "sampling": {"interval": "5s", "duration": "2m"}}
    plan = parse_plan(plan_json(investigation(**spec), collector(step), pod(Jvm(pid=7, start_time_ticks=4711))))
    assert plan.investigation == "shop/orders-oom"
    assert plan.step == step.lower()
    assert plan.attach is (intrusion != "Observe")
    assert plan.nmt == nmt.lower()
    assert (plan.interval_seconds, plan.duration_seconds) == ((1, 1) if step == "Trace" else (5, 120))
    assert plan.target == (None if step in ("Look", "Final") else Target(7, 4711))
    if step == "Sample":
        assert plan.deadline_seconds > plan.duration_seconds


def test_the_budget_is_the_specs() -> None:
    spec = {"budget": {"targetMemory": "16Mi", "pause": "20ms"}}
    plan = parse_plan(plan_json(investigation(**spec), collector(), pod()))
    assert (plan.target_memory_bytes, plan.pause_seconds) == (16 << 20, 0.02)
    assert plan.target is None
    assert plan.stream_bytes < 10 << 20


def test_the_plan_is_the_same_word_each_time() -> None:
    first, second = (plan_json(investigation(), collector(), pod()) for _ in range(2))
    assert first == second
    assert json.loads(first)["version"] == 1
    assert " " not in first


@pytest.mark.parametrize(("gone_seconds", "expected"), [(0, 720), (2880, 720), (3000, 600), (3599.5, 1), (4000, 1)])
def test_no_collector_is_sent_beyond_the_deadline(gone_seconds: float, expected: float) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    inv = investigation(deadline="1h").model_copy(update={"status": Status(started_at=began)})
    text = plan_json(inv, collector(at=began + timedelta(seconds=gone_seconds)), pod())
    assert parse_plan(text).deadline_seconds == expected


def probes_of(*stages: Stage, step: CollectorStep = "Sample", **spec: object) -> dict[str, dict[str, object]]:
    """Of the collector that samples the last of these stages."""
    status = Status(stages=tuple(StageStatus(name=name, state="Running") for name in stages))
    inv = investigation(**spec).model_copy(update={"status": status})
    one = collector(step, stage=stages[-1] if stages else None)
    found = parse_plan(plan_json(inv, one, pod(), profiles="/offheap")).probes
    assert found is not None
    return found


RESTART = {"intrusion": "Restart", "instrumentation": {"allocator": "Jemalloc", "trials": ["ArenaMax"]}}


def test_a_probe_runs_where_its_level_is_allowed() -> None:
    for level in get_args(Intrusion):
        expected = {p.name for p in for_level(level) if p.level != "Restart" and p.derived_from is None}
        assert set(probes_of(intrusion=level)) == (expected - {"gdb"} if level == "Restart" else expected)


def test_what_changes_the_target_is_done_only_when_asked_for() -> None:
    assert "trim" not in probes_of(intrusion="Restart").get("malloc-info", {})
    asked = probes_of(
        intrusion="Restart", probes=[{"name": "gdb"}, {"name": "malloc-info", "mallocInfo": {"trim": True}}]
    )
    assert asked["malloc-info"] == {"trim": True, "gc": False}
    assert "gdb" in asked


def test_the_dear_probes_run_once_and_never_over_a_profiling_allocator() -> None:
    dear = {"nativemem", "memory", "perf", "gdb"}
    assert not dear & set(probes_of("Baseline", "ArenaMax", **RESTART))
    profiled = probes_of("Baseline", "Jemalloc", **RESTART)
    assert profiled["jemalloc"] == {"directory": "/offheap"}
    assert "nativemem" not in profiled
    alone = RESTART | {"instrumentation": {"allocator": "Tcmalloc"}}
    assert "gperftools" in probes_of("Tcmalloc", **alone)
    assert "nativemem" not in probes_of("Tcmalloc", **alone)


def test_perf_that_is_asked_for_by_name_runs_alone_with_rights_of_its_own() -> None:
    spec = {"intrusion": "Profile", "probes": [{"name": "perf", "perf": {"duration": "20s"}}]}
    assert "perf" not in probes_of(**spec)
    assert probes_of(step="Trace", **spec) == {"perf": {"duration_seconds": 20}}


def test_the_last_collector_only_looks_where_the_allocator_writes() -> None:
    assert probes_of("Jemalloc", step="Final", **RESTART) == {"jemalloc": {"directory": "/offheap"}}
    assert probes_of("Baseline", step="Final", **RESTART) == {}


def test_no_stop_is_longer_than_the_liveness_probe_forgives() -> None:
    inv = investigation(intrusion="Pause", budget={"pause": "30s"})
    plan = parse_plan(plan_json(inv, collector(), pod(), liveness_period_seconds=10))
    if plan.wants("gdb"):
        assert plan.option("gdb", "pause_limit_seconds") == 10
