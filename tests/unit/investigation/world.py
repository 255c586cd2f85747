"""A cluster in memory, as far as the plan can see one: it does what each step asks for, and time passes by `tick`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from offheap.api.v1alpha1 import MemoryInvestigation, Status, VerdictStatus
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.stream import End, EvidenceRecord, Stream
from offheap.investigation import transitions as to
from offheap.investigation.identify import found_identity
from offheap.investigation.observed import FINALIZER, Observed
from offheap.investigation.plan import plan, refused
from offheap.investigation.problems import Problem
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
from offheap.investigation.template import BRINGER, FIELD_MANAGER, Patch
from offheap.investigation.workload import workload

START = datetime(2026, 1, 1, tzinfo=UTC)


def identity(**changes: Any) -> dict[str, Any]:
    """A JDK 17 that does not track, as the collector describes it."""
    return {
        "pid": 1,
        "start_time_ticks": 100,
        "uid": 1000,
        "gid": 1000,
        "pid1": True,
        "exe": "/usr/bin/java",
        "vm": "HotSpot",
        "vendor": "Debian",
        "version": "17.0.15",
        "feature": 17,
        "update": 15,
        "gc": "Serial",
        "max_heap_bytes": 1 << 26,
        "libc": "glibc",
        "allocator": "glibc",
        "nmt": "off",
        "attach": {"ok": True, "reason": None, "message": None},
        "env": {},
        "options": [],
        "read_only_tmp": False,
        "threads": 20,
        **changes,
    }


@dataclass
class World:
    """One workload with one pod, and one investigation of it."""

    spec: dict[str, Any]
    container: dict[str, Any] = field(default_factory=lambda: {"name": "app", "image": "app:1"})
    jvm: dict[str, Any] = field(default_factory=identity)
    rollout_works: bool = True
    collector_starts: bool = True
    collector_is_killed: bool = False
    denies: Problem | None = None
    now: datetime = START
    revision: int = 1
    steps: list[Step] = field(default_factory=list)
    collectors: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    owned: bool = False
    ours: tuple[tuple[str, str], ...] = ()
    deleted: bool = False

    def __post_init__(self) -> None:
        """Builds the objects."""
        self.deployment: dict[str, Any] | None = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "orders", "namespace": "shop", "uid": "d-1", "generation": 1},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "orders"}},
                "template": {"metadata": {"labels": {"app": "orders"}}, "spec": {"containers": [self.container]}},
            },
        }
        self.original = copy.deepcopy(self.deployment["spec"]["template"])
        self.pod_template = copy.deepcopy(self.original)
        self.metadata: dict[str, Any] = {"name": "mi", "namespace": "shop", "uid": "mi-1", "generation": 1}
        self.status: dict[str, Any] | None = None
        self.written = 0

    @property
    def inv(self) -> MemoryInvestigation:
        """The investigation as the apiserver would give it."""
        return MemoryInvestigation.model_validate(
            {"metadata": self.metadata, "spec": self.spec, "status": copy.deepcopy(self.status)}
        )

    @property
    def template(self) -> dict[str, Any]:
        """The workload's template now."""
        assert self.deployment is not None
        return dict(self.deployment["spec"]["template"])

    def observed(self) -> Observed:
        """What a pass would see."""
        if self.deployment is None:
            return Observed()
        pods = self._pods()
        status = self.inv.status
        current = status.pods[-1].uid if status.pods else None
        pod = next((p for p in pods if p["metadata"]["uid"] == current), None)
        stream = self._stream(status.collectors[-1].name, status.collectors[-1].step) if status.collectors else Stream()
        identity = next(
            (
                found
                for one in reversed(status.collectors)
                if isinstance(found := found_identity(self._stream(one.name, one.step)), JvmIdentity)
            ),
            None,
        )
        return Observed(workload=workload(self._live()), pods=tuple(pods), pod=pod, stream=stream, identity=identity)

    def _live(self) -> dict[str, Any]:
        live = copy.deepcopy(self.deployment)
        assert live is not None
        done = self._rolled_out()
        live["metadata"]["managedFields"] = (
            [{"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {}}}] if self.owned else []
        )
        live["status"] = {
            "observedGeneration": live["metadata"]["generation"],
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1 if done else 0,
        }
        return live

    def _rolled_out(self) -> bool:
        return self.rollout_works or self.template == self.original

    def _pods(self) -> list[dict[str, Any]]:
        template = self.template if self._rolled_out() else self.original
        if template != self.pod_template:
            self.pod_template = copy.deepcopy(template)
            self.revision += 1
        uid = f"p-{self.revision}"
        added = [n for n, (pod, _) in self.collectors.items() if pod == uid]
        started = [n for n in added if self.collector_starts]
        killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        running = killed if self.collector_is_killed else {"running": {}}
        waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
        return [
            {
                "metadata": {"name": f"orders-{self.revision}", "namespace": "shop", "uid": uid},
                "spec": {**copy.deepcopy(template["spec"]), "ephemeralContainers": [{"name": n} for n in added]},
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [
                        {"name": c["name"], "state": {"running": {}}} for c in template["spec"]["containers"]
                    ],
                    "ephemeralContainerStatuses": [
                        {"name": n, "state": running if n in started else waiting} for n in added
                    ],
                },
            }
        ]

    def _stream(self, name: str, step: str) -> Stream:
        if name not in self.collectors or not self.collector_starts or self.collector_is_killed:
            return Stream()
        pod, since = self.collectors[name]
        if pod != f"p-{self.revision}":
            return Stream()
        records = []
        if step == "Look":
            row = {"pid": 1, "uid": 1000, "gid": 1000, "cap_eff": "0000000000000000"}
            records.append(self._evidence("process", "processes", {"processes": [row], "target_pid": 1}))
            return Stream(evidence=tuple(records), end=End("Completed", ""))
        if step == "Final":
            return Stream()
        jvm = dict(self.jvm)
        template = str(self.pod_template)
        if "NativeMemoryTracking" in template and jvm["nmt"] == "off":
            jvm["nmt"] = "summary"
        for library, allocator in (("libjemalloc", "jemalloc"), ("libtcmalloc", "tcmalloc")):
            jvm["allocator"] = allocator if library in template else jvm["allocator"]
        records.append(self._evidence("process", "identity", jvm))
        over = step == "Identify" or (self.now - since).total_seconds() >= 60
        return Stream(evidence=tuple(records), end=End("Completed", "") if over else None)

    @staticmethod
    def _evidence(probe: str, name: str, data: object) -> EvidenceRecord:
        return EvidenceRecord(seq=1, at=0.0, elapsed_seconds=0.0, probe=probe, name=name, sample=None, data=data)

    def pass_once(self, *, acknowledged: bool = True) -> Step:
        """One step; not acknowledged: the operator dies after the request was applied and before it knows."""
        inv, seen = self.inv, self.observed()
        step = plan(inv, seen, self.now)
        self.steps.append(step)
        problem = self._act(inv, step)
        if problem is not None and acknowledged:
            self._save(refused(inv, step, problem, self.now))
        return step

    def _save(self, status: Status) -> None:
        before = self.inv.status
        assert not self.inv.is_finished or status.phase == before.phase, "a final phase was left"
        self.status = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.written += 1

    def _act(self, inv: MemoryInvestigation, step: Step) -> Problem | None:
        record = inv.status.instrumentation
        match step:
            case Record(status=status):
                assert status != inv.status, "a write that changes nothing"
                self._save(status)
            case Hold():
                self.metadata["finalizers"] = [FINALIZER]
            case Release():
                self.metadata["finalizers"] = []
            case Expire():
                self.deleted = True
            case Collect(collector=collector):
                assert inv.status.collectors[-1].name == collector.name, "a collector that is not on record"
                if self.denies is not None:
                    return self.denies
                self.collectors.setdefault(collector.name, (collector.pod_uid, self.now))
            case Apply(patch=patch):
                assert record is not None
                assert record.state == "Intended", "a patch that is not on record"
                assert self.metadata.get("finalizers") == [FINALIZER], "a patch without a finalizer"
                self._patch(patch)
            case Unapply():
                self._take_away()
                self.owned = False
            case Remove(operations=operations):
                self._json_patch(operations)
            case Analyze():
                verdict = VerdictStatus(kind="DirectBuffers", confidence="High", summary="direct buffers grow")
                status = inv.status.model_copy(update={"verdict": verdict})
                self._save(to.ending(status, Problem("DirectBuffers", "direct buffers grow"), self.now))
        return None

    def _patch(self, patch: Patch) -> None:
        spec = self.template["spec"]
        container = spec["containers"][0]
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        if not all(word in words for word in patch.words):
            for name in ("command", "args"):
                if getattr(patch, name) is not None:
                    container[name] = list(getattr(patch, name))
            return
        self._take_away()
        if not patch.is_applied_by_server:
            return
        if patch.variables:
            container["env"] = container.get("env", []) + [
                {"name": name, "value": value} for name, value in patch.variables
            ]
        if patch.allocator != "None":
            container["volumeMounts"] = [{"name": BRINGER, "mountPath": "/offheap"}]
            spec["initContainers"] = [{"name": BRINGER}]
            spec["volumes"] = [{"name": BRINGER}]
        self.ours = patch.variables
        self.owned = True

    def _take_away(self) -> None:
        """What the apiserver does with an apply that no longer names what we own."""
        spec = self.template["spec"]
        container = spec["containers"][0]
        env = [e for e in container.get("env", []) if (e["name"], e.get("value")) not in self.ours]
        container.pop("env", None)
        if env:
            container["env"] = env
        self.ours = ()
        container.pop("volumeMounts", None)
        spec.pop("initContainers", None)
        spec.pop("volumes", None)

    def _json_patch(self, operations: Any) -> None:
        for one in operations:
            *way, last = one["path"].split("/")[1:]
            if way[:2] == ["metadata", "managedFields"]:
                self.owned, self.ours = False, ()
                continue
            node: Any = self.deployment
            for word in way:
                node = node[int(word)] if isinstance(node, list) else node[word]
            if one["op"] == "add":
                node[last] = list(one["value"])
            elif one["op"] == "remove":
                del node[int(last) if isinstance(node, list) else last]

    def advance(self, *, acknowledged: bool = True) -> Step:
        """One step, and the time that it asks to wait."""
        step = self.pass_once(acknowledged=acknowledged)
        if isinstance(step, Wait):
            self.now += timedelta(seconds=step.seconds)
        return step

    def run(self, passes: int = 400) -> MemoryInvestigation:
        """Passes until nothing is left to do."""
        for _ in range(passes):
            match self.pass_once():
                case Wait(seconds=seconds):
                    self.now += timedelta(seconds=seconds)
                case Rest():
                    return self.inv
        raise AssertionError(f"no rest after {passes} passes: {self.inv.status.phase} {self.steps[-3:]}")
