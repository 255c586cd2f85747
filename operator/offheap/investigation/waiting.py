"""Waiting for a collector: what its pod shows of it, and what is done when nothing will come of it. Pure."""

from __future__ import annotations

from datetime import datetime

from offheap.api.v1alpha1 import MemoryInvestigation, Status
from offheap.investigation import problems
from offheap.investigation import transitions as to
from offheap.investigation.ephemeral import PULL_FAILURES, ContainerState, state_of
from offheap.investigation.observed import Observed
from offheap.investigation.patience import Patience
from offheap.investigation.problems import Problem
from offheap.investigation.records import age, pod_record
from offheap.investigation.steps import Collect, Record, Step, Wait
from offheap.investigation.workload import is_running, representative

MAX_COLLECTORS = 16


def await_collector(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Create the newest collector, or wait for it, or say why nothing will come of it."""
    status = inv.status
    current = status.collectors[-1]
    if seen.pod is None:
        return _collector_lost(inv, seen, now)
    state = state_of(seen.pod, current.name)
    if state.phase == "absent":
        if not is_running(seen.pod, current.container):
            return _collector_lost(inv, seen, now)
        return Collect(current, status.pods[-1])
    if state.phase == "terminated":
        detail = f"{state.reason or 'ended'} {state.message}".strip()
        if not is_running(seen.pod, current.container) or detail.startswith("OOMKilled"):
            return _collector_lost(inv, seen, now)
        return fail_collector(inv, problems.collector_failed(detail), now)
    if state.phase == "waiting":
        return _await_start(inv, state, now, patience)
    if current.state == "Intended" and current.step in ("Sample", "Final"):
        return Record(to.collector_now(status, "Running"))
    return Wait(patience.poll if current.step != "Sample" else min(10.0, inv.spec.sampling.interval_seconds))


def _await_start(inv: MemoryInvestigation, state: ContainerState, now: datetime, patience: Patience) -> Step:
    waited = age(inv.status.collectors[-1].started_at, now)
    if state.reason in PULL_FAILURES and waited > patience.image:
        return fail_collector(inv, problems.collector_image_unavailable(state.message or state.reason), now)
    if waited > patience.start:
        return fail_collector(inv, problems.collector_not_started(patience.start), now)
    return Wait(patience.poll)


def fail_collector(inv: MemoryInvestigation, problem: Problem, now: datetime) -> Step:
    return Record(to.ending(to.collector_now(inv.status, "Failed", problem.reason, problem.message), problem, now))


def _collector_lost(inv: MemoryInvestigation, seen: Observed, now: datetime) -> Step:
    """The pod or its container ended under the collector: go on with another pod, before there are samples to lose."""
    status = inv.status
    ended = problems.collector_failed("the target's container ended while it was observed")
    lost = to.collector_now(status, "Failed", "TargetGone", ended.message)
    if status.phase == "Sampling" or len(status.collectors) >= MAX_COLLECTORS:
        return Record(to.ending(lost, ended, now))
    return _move(inv, lost, seen, now)


def move_if_gone(inv: MemoryInvestigation, seen: Observed, now: datetime) -> Step | None:
    """None while the pod on record runs; otherwise the move to another one."""
    if seen.pod is not None and is_running(seen.pod, inv.status.pods[-1].container):
        return None
    return _move(inv, inv.status, seen, now)


def _move(inv: MemoryInvestigation, status: Status, seen: Observed, now: datetime) -> Step:
    container = inv.status.pods[-1].container
    other = representative(seen.pods, container)
    if other is None:
        return Record(to.ending(status, problems.no_running_pod(inv.spec.target.kind, inv.spec.target.name), now))
    return Record(to.moved_to_pod(status, pod_record(other, container), now))
