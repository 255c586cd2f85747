"""Step `sample`: everything at every instant, from the baseline to the last full set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from offheap.collector.attach import Attach
from offheap.collector.clock import Clock, next_instant
from offheap.collector.cost import Meter
from offheap.collector.identity import Jvm
from offheap.collector.outcome import Ended, Skip
from offheap.collector.plan import Plan
from offheap.collector.probes import TAKES
from offheap.collector.probes.cgroup import headroom_bytes, read_memory
from offheap.collector.processes import check_same
from offheap.collector.procfs import Proc
from offheap.collector.ration import Ration
from offheap.collector.stream import Stream
from offheap.collector.visit import Take, Visit

_COSTLY_BYTES = 8 << 20
"""Room for what makes the JVM or us allocate a little: an answer of the JVM, its thread that gives it, jattach."""


class Session(NamedTuple):
    """What one run of the collector works with."""

    proc: Proc
    plan: Plan
    clock: Clock
    meter: Meter
    stream: Stream


def sample(session: Session, jvm: Jvm, attach: Attach) -> None:
    """Returns after the last instant. Raises Ended for every other end. Whatever a probe left in the target is undone."""
    undos: dict[str, Callable[[], None]] = {}
    try:
        _instants(session, jvm, attach, undos)
    finally:
        for undo in undos.values():
            try:
                undo()
            except (OSError, ValueError, LookupError, MemoryError, Skip, Ended):
                # One that fails must not keep the target from the others.
                continue


def _instants(session: Session, jvm: Jvm, attach: Attach, undos: dict[str, Callable[[], None]]) -> None:
    plan, clock, stream = session.plan, session.clock, session.stream
    interval, ration = plan.interval_seconds, Ration()
    reserved = plan.stream_bytes // 2 if any(take.blobs and _is_wanted(take, plan) for take in TAKES) else 0
    began = clock.elapsed_seconds
    at = 0.0
    index = 0
    notes: dict[str, Any] = {}
    while True:
        clock.wait_until(began + at)
        check_same(session.proc, jvm.target)
        last = at >= plan.duration_seconds
        left = max(0, math.ceil((plan.duration_seconds - at) / interval))
        left_bytes = stream.left_bytes - reserved
        bulk = index == 0 or last or ration.bulk_now(left, left_bytes)
        visit = Visit(session.proc, plan, jvm, attach, index, last, bulk, clock, session.meter, notes)
        ration.learn(*_take_all(session, visit, undos))
        if last:
            return
        factor = ration.interval_factor(left, stream.left_bytes - reserved)
        if factor > 1:
            interval *= factor
            told = (
                f"every {interval:g} s instead of {plan.interval_seconds:g}: budget of {plan.stream_bytes} stream bytes"
            )
            stream.skipped("process", Skip("IntervalStretched", told))
        at = next_instant(interval, plan.duration_seconds, clock.elapsed_seconds - began)
        index += 1


def _is_wanted(take: Take, plan: Plan) -> bool:
    return plan.wants(take.probe) and take.wanted(plan)


def _take_all(session: Session, visit: Visit, undos: dict[str, Callable[[], None]]) -> tuple[int, int]:
    """Run the takes that are due; how many bytes the plain and the bulky ones sent (blobs have their own share)."""
    plain = bulky = 0
    room = _room(session, visit)
    for take in TAKES:
        if not visit.is_due(take.when) or not _is_wanted(take, visit.plan):
            continue
        session.clock.check()
        before = session.stream.sent_bytes
        try:
            _check_affordable(session, visit, take, room)
            if take.undo is not None:
                undos[f"{take.probe}/{take.name}"] = partial(take.undo, visit)
            _take(session, visit, take)
        except Skip as skip:
            # What could not be read of a dying process is no fault of the probe.
            check_same(session.proc, visit.jvm.target)
            session.stream.skipped(take.probe, skip)
            if skip.reason == "BudgetExceeded" and not (take.bulk or take.blobs):
                raise Ended("BudgetExceeded", skip.message) from None
        sent = session.stream.sent_bytes - before
        if take.bulk:
            bulky += sent
        elif not take.blobs:
            plain += sent
        session.meter.note_memory()
    return plain, bulky


def _take(session: Session, visit: Visit, take: Take) -> None:
    stream, meter = session.stream, session.meter
    started = time.monotonic()
    meter.begin()
    try:
        taken = take.run(visit)
        wall = time.monotonic() - started
        # Asked afterwards: a text read while the process ended is cut short, and would look like freed memory.
        check_same(session.proc, visit.jvm.target)
        for blob in taken.blobs:
            stream.blob(take.probe, blob.name, blob.kind, blob.chunks, visit.sample)
    except (OSError, ValueError, LookupError, MemoryError) as error:
        # A probe's failure is its own: what one kernel or JVM answers oddly must not cost the other evidence.
        raise Skip("ProbeFailed", f"{take.name}: {type(error).__name__}: {error}") from None
    if taken.data is not None:
        cost = {
            "wall_seconds": round(wall, 6),
            "pause_seconds": round(taken.pause_seconds, 6),
            "peak_pss_bytes": meter.since_begin_bytes(),
        }
        stream.evidence(take.probe, take.name, taken.data, sample=visit.sample, cost=cost)


def _room(session: Session, visit: Visit) -> int | None:
    """Bytes that the target's cgroup still has; None when it has no limit or does not tell."""
    try:
        return headroom_bytes(*read_memory(session.proc, visit.jvm.target.pid))
    except Skip:
        return None


def _check_affordable(session: Session, visit: Visit, take: Take, room: int | None) -> None:
    """Raises Skip. What the collector uses already is charged, so only the rest of its budget needs room."""
    plan = visit.plan
    if take.bulk and not visit.bulk:
        raise Skip("BudgetExceeded", f"{take.name} is left out at some instants: the stream's budget would not last")
    if take.pause_seconds > plan.pause_seconds - session.meter.pause_seconds:
        raise Skip(
            "PauseBudgetExceeded",
            f"{take.name} may stop the JVM for {take.pause_seconds:g} s, and of budget.pause "
            f"{max(0.0, plan.pause_seconds - session.meter.pause_seconds):.3f} s are left: raise it",
        )
    if not (take.costly or take.memory_bytes):
        return
    own = session.meter.note_memory()
    if take.memory_bytes and own + take.memory_bytes > plan.target_memory_bytes:
        raise Skip(
            "MemoryBudgetTooSmall",
            f"{take.name} may need {take.memory_bytes >> 20} MiB beyond the collector's {own >> 20} MiB: raise "
            f"budget.targetMemory above {(own + take.memory_bytes >> 20) + 1}Mi",
        )
    needed = take.memory_bytes or min(_COSTLY_BYTES, max(0, plan.target_memory_bytes - own))
    if room is not None and room < needed:
        raise Skip(
            "HeadroomTooSmall",
            f"{room >> 20} MiB are free below the target's memory limit and {needed >> 20} MiB may be needed: "
            "raise the limit, or lower budget.targetMemory",
        )
