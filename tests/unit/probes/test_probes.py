"""The operator's view of the probes and the collector's must not drift apart: they share no code, only names."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from offheap.api.v1alpha1 import Jvm, MemoryInvestigation, PodStatus, Status
from offheap.api.words import CollectorStep, Intrusion
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
    assert [probe.name for probe in for_level("Observe")] == ["process", "cgroup", "smaps"]
    assert all(milder <= stronger for milder, stronger in itertools.pairwise(allowed))
    assert allowed[-1] == set(PROBES)


def test_names_are_unique_and_unknown_ones_are_none() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES)
    assert by_name("crystal-ball") is None


@pytest.mark.parametrize("step", get_args(CollectorStep))
@pytest.mark.parametrize("intrusion", get_args(Intrusion))
@pytest.mark.parametrize("nmt", ["Off", "Summary", "Detail"])
def test_the_collector_accepts_what_the_builder_makes(step: CollectorStep, intrusion: Intrusion, nmt: str) -> None:
    spec = {"intrusion": intrusion, "instrumentation": {"nmt": nmt}, "sampling": {"interval": "5s", "duration": "2m"}}
    plan = parse_plan(plan_json(investigation(**spec), step, pod(Jvm(pid=7, start_time_ticks=4711))))
    assert plan.investigation == "shop/orders-oom"
    assert plan.step == step.lower()
    assert plan.attach is (intrusion != "Observe")
    assert plan.nmt == nmt.lower()
    assert (plan.interval_seconds, plan.duration_seconds) == (5, 120)
    assert plan.target == (None if step == "Look" else Target(7, 4711))
    if step == "Sample":
        assert plan.deadline_seconds > plan.duration_seconds


def test_the_budget_is_the_specs() -> None:
    spec = {"budget": {"targetMemory": "16Mi", "pause": "20ms"}}
    plan = parse_plan(plan_json(investigation(**spec), "Sample", pod()))
    assert (plan.target_memory_bytes, plan.pause_seconds) == (16 << 20, 0.02)
    assert plan.target is None
    assert plan.stream_bytes < 10 << 20


def test_the_plan_is_the_same_word_each_time() -> None:
    first, second = (plan_json(investigation(), "Sample", pod()) for _ in range(2))
    assert first == second
    assert json.loads(first)["version"] == 1
    assert " " not in first


@pytest.mark.parametrize(("gone_seconds", "expected"), [(0, 660), (2940, 660), (3000, 600), (3599.5, 1), (4000, 1)])
def test_no_collector_is_sent_beyond_the_deadline(gone_seconds: float, expected: float) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    inv = investigation(deadline="1h").model_copy(update={"status": Status(started_at=began)})
    text = plan_json(inv, "Sample", pod(), began + timedelta(seconds=gone_seconds))
    assert parse_plan(text).deadline_seconds == expected
