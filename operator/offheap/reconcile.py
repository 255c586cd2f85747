"""One pass over one investigation: observe, plan, act, record. What it does next is decided in ``investigation.plan`` alone."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from offheap.analysis import Spoken, draw, gather_all, raw, stream_name, told, unpacked, weigh
from offheap.api.v1alpha1 import CollectorStatus, MemoryInvestigation, Status
from offheap.artifacts.files import File
from offheap.artifacts.manifest import About, Key, Pod, StreamNote
from offheap.artifacts.problems import store_slow
from offheap.artifacts.store import Kept, Store
from offheap.cluster.events import Events
from offheap.cluster.investigations import Investigations
from offheap.cluster.pods import Pods
from offheap.cluster.workloads import Workloads
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.stream import Stream
from offheap.harvest import Harvest
from offheap.investigation import transitions as to
from offheap.investigation.ephemeral import container_json, liveness_period_seconds
from offheap.investigation.identify import found_identity
from offheap.investigation.observed import Observed, ahead_of
from offheap.investigation.plan import plan, refused
from offheap.investigation.problems import Problem, analysis_failed
from offheap.investigation.records import overdue_seconds
from offheap.investigation.size import fitted
from offheap.investigation.stages import MOUNT
from offheap.investigation.steps import (
    Analyze,
    Apply,
    Collect,
    Expire,
    Hold,
    Record,
    Release,
    Remove,
    Rest,
    Step,
    Unapply,
    Wait,
)
from offheap.investigation.verdicts import probe_outcomes, with_diagnosis
from offheap.metrics import ACTIVE, COLLECTOR_PAUSE, COLLECTOR_PEAK, FINISHED, PROBES, STEP_SECONDS
from offheap.probes.collector_plan import plan_json
from offheap.settings import Settings

log = logging.getLogger("offheap.reconcile")

MOST_STEPS = 20
"""Of one pass, so that one object cannot keep a slot of the loop for ever."""
KEEP_SECONDS = 100.0
"""For one save: a store that hangs must not keep a stage's end off the record, and the target patched meanwhile."""
PASS_SECONDS = 240.0
"""The loop's bound of a pass: an analysis draws for `jeprof.SECONDS`, weighs, and saves."""


class Reconciler:
    """Carries investigations on. All that it remembers between passes can be read again from the cluster."""

    def __init__(
        self,
        investigations: Investigations,
        workloads: Workloads,
        pods: Pods,
        events: Events,
        store: Store,
        settings: Settings,
    ) -> None:
        self._investigations = investigations
        self._workloads = workloads
        self._pods = pods
        self._events = events
        self._store = store
        self._settings = settings
        self._harvest = Harvest(pods)
        self._begin: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()
        self._active: set[tuple[str, str]] = set()
        self._weighing = asyncio.Lock()

    async def step(self, namespace: str, name: str) -> float | None:
        """Steps until something has to be waited for; answers the seconds to wait, or None when only a change matters."""
        for _ in range(MOST_STEPS):
            inv = await self._investigations.read(namespace, name)
            if inv is None or inv.is_finished:
                self._harvest.forget(namespace, name)  # it may be kept for weeks, and megabytes with it
            self._note_active((namespace, name), active=inv is not None and _is_under_way(inv))
            if inv is None:
                return None
            started = time.monotonic()
            if inv.status.phase == "Pending":
                beginning = self._begin.setdefault(
                    (namespace, inv.spec.target.kind, inv.spec.target.name), asyncio.Lock()
                )
                async with beginning:
                    step = await self._one(inv)
            else:
                step = await self._one(inv)
            STEP_SECONDS.labels(step=type(step).__name__).observe(time.monotonic() - started)
            match step:
                case Rest():
                    return None
                case Wait(seconds=seconds):
                    return seconds
        return 1.0

    async def _one(self, inv: MemoryInvestigation) -> Step:
        seen = await self._observe(inv)
        step = plan(inv, seen, _now(), self._settings.patience)
        problem = await self._act(inv, seen, step)
        if problem is not None:
            await self._record(inv, refused(inv, step, problem, _now()))
            return Wait(10.0) if isinstance(step, Unapply | Remove) else step
        return step

    async def _observe(self, inv: MemoryInvestigation) -> Observed:
        """Reads what the plan of this phase looks at, and no more."""
        if (inv.is_finished or inv.status.phase is None) and not inv.is_deleted:
            return Observed()
        target, status = inv.spec.target, inv.status
        workload = await self._workloads.read(target.kind, inv.namespace, target.name)
        seen = Observed(workload=workload)
        await self._hear_last_words(inv)
        if inv.is_deleted or inv.spec.cancel or status.phase == "Restoring":
            return seen
        try:
            return await self._look_closer(inv, seen)
        except Exception as error:
            if overdue_seconds(inv, _now()) <= 0:
                raise
            # A node that does not answer, or a right withdrawn, must not keep the target patched beyond the deadline.
            log.warning("%s/%s: ends with what is known: %s: %s", inv.namespace, inv.name, type(error).__name__, error)
            heard = self._harvest.heard(inv, status.collectors[-1]) if status.collectors else seen.stream
            return replace(seen, stream=heard)

    async def _hear_last_words(self, inv: MemoryInvestigation) -> None:
        """While its pod ends, for its log goes with it."""
        if inv.status.phase not in ("Instrumenting", "Restoring"):
            return
        for collector in inv.status.collectors:
            if collector.step == "Final" and collector.state == "Running":
                try:
                    await self._harvest.follow(inv, collector)
                except Exception as error:  # what is only good to have holds nothing up
                    log.info("%s/%s: %s: %s", inv.namespace, inv.name, type(error).__name__, error)

    async def _look_closer(self, inv: MemoryInvestigation, seen: Observed) -> Observed:
        """The pods and what the collector says: what is not needed to put the target back."""
        status, workload = inv.status, seen.workload
        if workload is not None:
            seen = replace(seen, pods=await self._pods.of(workload))
        if status.phase == "Pending":
            return replace(seen, ahead=ahead_of(inv, await self._investigations.list(inv.namespace)))
        if status.pods:
            record = status.pods[-1]
            seen = replace(seen, pod=await self._pods.read(inv.namespace, record.name, record.uid))
        if status.collectors and status.phase not in ("Analyzing", "Instrumenting"):
            stream = await self._harvest.follow(inv, status.collectors[-1])
            seen = replace(seen, stream=stream, identity=self._identity(inv, stream))
        return seen

    def _identity(self, inv: MemoryInvestigation, newest: Stream) -> JvmIdentity | None:
        """The JVM as the newest collector that found it says; most often that is the one just read, at every look."""
        before = (self._harvest.heard(inv, collector) for collector in reversed(inv.status.collectors[:-1]))
        for stream in itertools.chain((newest,), before):
            found = found_identity(stream)
            if isinstance(found, JvmIdentity):
                return found
        return None

    async def _act(self, inv: MemoryInvestigation, seen: Observed, step: Step) -> Problem | None:
        match step:
            case Record(status=status):
                await self._keep_stage(inv, status)
                await self._record(inv, status)
            case Hold():
                await self._investigations.hold(inv, on=True)
            case Release():
                await self._investigations.hold(inv, on=False)
            case Collect() if seen.pod is not None:
                return await self._pods.collect(seen.pod, self._container(inv, seen.pod, step))
            case Apply(patch=patch) if seen.workload is not None:
                return await self._workloads.apply(seen.workload, patch)
            case Unapply() if seen.workload is not None:
                return await self._workloads.unapply(seen.workload)
            case Remove(operations=operations) if seen.workload is not None:
                return await self._workloads.remove(seen.workload, operations)
            case Analyze():
                await self._analyze(inv)
            case Expire():
                await self._investigations.delete(inv)
        return None

    def _container(self, inv: MemoryInvestigation, pod: Mapping[str, Any], step: Collect) -> dict[str, Any]:
        collector = step.collector
        return container_json(
            collector.name,
            self._settings.collector_image,
            self._settings.collector_pull_policy,
            plan_json(
                inv,
                collector,
                step.pod,
                profiles=MOUNT,
                liveness_period_seconds=liveness_period_seconds(pod, collector.container),
            ),
            pod,
            step.pod,
            step=collector.step,
        )

    async def _analyze(self, inv: MemoryInvestigation) -> None:
        """Weighs all that the collectors said and keeps it. Computing runs beside the event loop."""
        now = _now()
        try:
            spoken = [await self._spoken(inv, collector) for collector in inv.status.collectors]
            # One at a time: a large one takes most of the operator's memory.
            async with self._weighing:
                weighed = await asyncio.to_thread(weigh, spoken, inv.status.stages)
                drawn = await draw(weighed)
            status = to.probes_seen(
                inv.status, weighed.probes, weighed.evidence.gaps, len(weighed.evidence.samples), now
            )
            status = with_diagnosis(status, weighed.diagnosis)
            kept = await self._keep(inv, (*drawn, *weighed.gathered.files), weighed.gathered.streams)
            status = to.artifacts_kept(status, *told(kept), now)
            verdict = weighed.diagnosis.verdict
            status = to.ending(status, Problem(verdict.kind, verdict.summary), now)
        except Exception as error:
            # It would fail the same way again and again, and the target stay patched meanwhile.
            log.exception("%s/%s: the evidence cannot be weighed", inv.namespace, inv.name)
            failed = analysis_failed(f"{type(error).__name__}: {error}")
            await self._record(inv, to.ending(inv.status, failed, now))
            return
        await self._record(inv, status)

    async def _spoken(self, inv: MemoryInvestigation, collector: CollectorStatus) -> Spoken:
        """Every line of a collector: of its log, or where its pod is gone and the operator was replaced, as it was kept."""
        try:
            lines = await self._harvest.whole(inv, collector)
        except Exception as error:
            # Its node does not answer: what the other collectors said is worth as much as before.
            log.warning("%s/%s: %s: %s", inv.namespace, inv.name, type(error).__name__, error)
            lines = ()
        if not lines and collector.step == "Sample":
            lines = unpacked(await self._store.load(_key(inv), stream_name(collector)))
        return Spoken(collector, lines)

    async def _keep(self, inv: MemoryInvestigation, files: Sequence[File], streams: Sequence[StreamNote]) -> Kept:
        pods = tuple(Pod(pod.name, pod.uid) for pod in inv.status.pods)
        about = About(pods, tuple(streams))
        budget_bytes = inv.spec.budget.artifacts_bytes
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                return await self._store.save(_key(inv), files, about, budget_bytes=budget_bytes, now=_now())
        except TimeoutError:
            return Kept(problem=store_slow(self._store.location.url, f"{KEEP_SECONDS:g} s"))

    async def _keep_stage(self, inv: MemoryInvestigation, status: Status) -> None:
        """Before a stage's end goes on record: the next rollout takes its pod and log away."""
        before, after = inv.status.collectors, status.collectors
        if not after or after[-1].step != "Sample" or after[-1].state not in ("Done", "Failed"):
            return
        if before and before[-1] == after[-1]:
            return
        try:
            lines = await self._harvest.whole(inv, after[-1])
        except Exception as error:
            # Nothing of it was ever read, and the node does not answer: there is nothing to keep.
            log.warning("%s/%s: %s: %s", inv.namespace, inv.name, type(error).__name__, error)
            return
        gathered = await asyncio.to_thread(raw, Spoken(after[-1], lines))
        await self._keep(inv, gathered.files, gathered.streams)

    async def _with_last_words(self, inv: MemoryInvestigation, status: Status) -> Status:
        """At the end: what came while the last pods went is kept beside the rest."""
        if status.finished_at is None or inv.status.finished_at is not None:
            return status
        waiting = [one for one in inv.status.collectors if one.step == "Final" and one.state == "Running"]
        spoken = [Spoken(one, lines) for one in waiting if (lines := self._harvest.lines(inv, one))]
        if not spoken:
            return status
        gathered = await asyncio.to_thread(gather_all, spoken)
        kept = await self._keep(inv, gathered.files, gathered.streams)
        # What was stored before is there all the same.
        return to.artifacts_kept(status, *told(kept), _now()) if kept.saved else status

    async def _record(self, inv: MemoryInvestigation, status: Status) -> None:
        """Writes the status and, where that shows a transition, an Event."""
        status = fitted(await self._with_last_words(inv, status))
        if status == inv.status:
            return
        await self._investigations.save(inv, status)
        told = to.news(inv.status, status)
        if told is not None:
            log.info("%s/%s: %s: %s", inv.namespace, inv.name, told.reason, told.note)
            await self._events.post(inv, reason=told.reason, note=told.note, warning=told.warning)
        if status.finished_at is not None and inv.status.finished_at is None:
            self._count(inv, status)

    def _count(self, inv: MemoryInvestigation, status: Status) -> None:
        """Once, at the end, however it ended: what the probes did and what the collectors cost."""
        verdict = status.verdict.kind if status.verdict is not None else ""
        FINISHED.labels(phase=status.phase, verdict=verdict).inc()
        streams = [self._harvest.heard(inv, collector) for collector in status.collectors]
        for probe in probe_outcomes(streams):
            PROBES.labels(probe=probe.name, state=probe.state, reason=probe.reason or "").inc()
        for stream in streams:
            if stream.end is not None:
                COLLECTOR_PEAK.observe(stream.end.peak_pss_bytes)
                COLLECTOR_PAUSE.observe(stream.end.pause_seconds)

    def _note_active(self, key: tuple[str, str], *, active: bool) -> None:
        if active:
            self._active.add(key)
        else:
            self._active.discard(key)
        ACTIVE.set(len(self._active))


def _is_under_way(inv: MemoryInvestigation) -> bool:
    return inv.status.started_at is not None and not inv.is_finished


def _key(inv: MemoryInvestigation) -> Key:
    return Key(inv.namespace, inv.name, inv.uid)


def _now() -> datetime:
    """Whole seconds, as the API keeps them: a status that was read back equals the one that was written."""
    return datetime.now(UTC).replace(microsecond=0)
