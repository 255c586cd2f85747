"""A workload as its JSON says: the pod template, how far its rollout is, and which pod stands for it. Pure.

Rollout rules follow ``kubectl rollout status`` (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from offheap.investigation.problems import Problem, container_ambiguous, container_not_found, host_pid

Json = Mapping[str, Any]

PATCHABLE = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Rollout:
    """Where a rollout stands. ``done``: every pod runs the newest template and is available. ``stuck``: it will not be."""

    done: bool
    stuck: bool
    message: str


@dataclass(frozen=True)
class Workload:
    """The target object: a Deployment, StatefulSet, DaemonSet, or a Pod that stands for itself."""

    kind: str
    namespace: str
    name: str
    uid: str
    template: Json
    rollout: Rollout
    selector: str
    managed_fields: tuple[Json, ...] = ()

    @property
    def template_hash(self) -> str:
        """sha256 over the canonical JSON of spec.template, as ``sha256:<hex>``; equal hashes mean equal templates."""
        canonical = json.dumps(self.template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    def container(self, name: str) -> Json | None:
        """The container of the template with this name."""
        return next((c for c in self.template["spec"]["containers"] if c["name"] == name), None)


def workload(obj: Json) -> Workload:
    """Reads the object as the apiserver gave it (``kind`` must be set)."""
    kind, meta, spec = obj["kind"], obj["metadata"], obj["spec"]
    template = {"metadata": meta, "spec": spec} if kind == "Pod" else spec["template"]
    return Workload(
        kind=kind,
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        template=template,
        rollout=_rollout(obj),
        selector="" if kind == "Pod" else _selector(spec.get("selector") or {}),
        managed_fields=tuple(meta.get("managedFields") or ()),
    )


def _selector(selector: Json) -> str:
    """A LabelSelector as the query string that list calls take."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for rule in selector.get("matchExpressions") or []:
        values = ",".join(rule.get("values") or [])
        match rule["operator"]:
            case "In":
                terms.append(f"{rule['key']} in ({values})")
            case "NotIn":
                terms.append(f"{rule['key']} notin ({values})")
            case "Exists":
                terms.append(rule["key"])
            case "DoesNotExist":
                terms.append(f"!{rule['key']}")
    return ",".join(terms)


def _rollout(obj: Json) -> Rollout:
    kind, spec, status = obj["kind"], obj["spec"], obj.get("status") or {}
    if kind == "Pod":
        return Rollout(done=True, stuck=False, message="a Pod has no rollout")
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return Rollout(done=False, stuck=False, message="the controller has not seen the newest template yet")
    match kind:
        case "Deployment":
            return _deployment(spec, status)
        case "StatefulSet":
            return _stateful_set(spec, status)
        case _:
            return _daemon_set(spec, status)


def _progress(done: int, wanted: int, what: str) -> Rollout:
    return Rollout(done=done >= wanted, stuck=False, message=f"{done} of {wanted} pods are {what}")


def _deployment(spec: Json, status: Json) -> Rollout:
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    for condition in status.get("conditions") or []:
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Rollout(done=False, stuck=True, message=condition.get("message", "progress deadline exceeded"))
    if spec.get("paused"):
        return Rollout(done=False, stuck=True, message="the Deployment is paused")
    if updated < wanted:
        return _progress(updated, wanted, "of the newest template")
    if total > updated:
        return Rollout(done=False, stuck=False, message=f"{total - updated} old pods wait for their end")
    return _progress(status.get("availableReplicas", 0), wanted, "available")


def _stateful_set(spec: Json, status: Json) -> Rollout:
    wanted, strategy = spec.get("replicas", 1), spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return Rollout(done=False, stuck=True, message="updateStrategy OnDelete replaces no pod by itself")
    if (strategy.get("rollingUpdate") or {}).get("partition"):
        return Rollout(done=False, stuck=True, message="updateStrategy has a partition: only a part would be replaced")
    if status.get("updateRevision") != status.get("currentRevision"):
        return Rollout(
            done=False,
            stuck=False,
            message=f"{status.get('updatedReplicas', 0)} of {wanted} pods are of the newest template",
        )
    return _progress(status.get("availableReplicas", 0), wanted, "available")


def _daemon_set(spec: Json, status: Json) -> Rollout:
    wanted = status.get("desiredNumberScheduled", 0)
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return Rollout(done=False, stuck=True, message="updateStrategy OnDelete replaces no pod by itself")
    updated = status.get("updatedNumberScheduled", 0)
    if updated < wanted:
        return _progress(updated, wanted, "of the newest template")
    return _progress(status.get("numberAvailable", 0), wanted, "available")


def container_name(pod: Json, wanted: str | None) -> str | Problem:
    """The target container's name: the wanted one, or the only one; a Problem where no container can be investigated."""
    if pod["spec"].get("hostPID"):
        return host_pid()
    names = [c["name"] for c in pod["spec"]["containers"]]
    if wanted is not None:
        return wanted if wanted in names else container_not_found(wanted, names)
    return names[0] if len(names) == 1 else container_ambiguous(names)


def representative(pods: Iterable[Json], container: str | None = None) -> Json | None:
    """The pod that stands for the workload: running, ready before unready, then the oldest; None when none runs."""
    running = [pod for pod in pods if is_running(pod, container)]
    return min(
        running,
        key=lambda pod: (not _is_ready(pod), pod["status"].get("startTime", ""), pod["metadata"]["name"]),
        default=None,
    )


def is_running(pod: Json, container: str | None = None) -> bool:
    """Whether the pod is alive and (the named one of) its containers runs now."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") != "Running":
        return False
    states = [c for c in status.get("containerStatuses") or [] if container in (None, c["name"])]
    return any("running" in (c.get("state") or {}) for c in states)


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
