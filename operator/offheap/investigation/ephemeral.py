"""The collector's ephemeral container: its name, its JSON, and what the kubelet says of it. Pure.

An ephemeral container can neither be changed nor removed, so its name is derived from what it is for: adding it again after
a crash meets the one that is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offheap.api.v1alpha1 import PodStatus
from offheap.api.words import CollectorStep
from offheap.investigation.stages import MOUNT
from offheap.investigation.template import BRINGER

Json = Mapping[str, Any]

PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")


@dataclass(frozen=True)
class ContainerState:
    """``waiting``, ``running`` or ``terminated`` with the kubelet's reason; ``absent`` when the pod does not list it yet."""

    phase: str
    reason: str = ""
    message: str = ""


def name_for(investigation_uid: str, step: CollectorStep, pod_uid: str, attempt: int) -> str:
    """``offheap-sample-1f3a9c04``: the same for the same step of the same investigation on the same pod."""
    digest = hashlib.sha256(f"{investigation_uid}/{step}/{pod_uid}/{attempt}".encode()).hexdigest()[:8]
    return f"offheap-{step.lower()}-{digest}"


def identity_known(pod: Json, container: str) -> tuple[int, int | None] | None:
    """User and group id of the target container, where the pod says them; None: somebody has to look into /proc.

    The report is of the container's first process: where that is root of the image's own accord, it is often a script that
    starts the JVM as another user (gosu, su-exec), whom root without CAP_SYS_PTRACE cannot read.
    """
    spec = _container(pod, container)
    inner, outer = spec.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    user = inner.get("runAsUser", outer.get("runAsUser"))
    group = inner.get("runAsGroup", outer.get("runAsGroup"))
    if user is not None:
        return user, group
    reported: Json = next((s for s in pod["status"].get("containerStatuses") or [] if s["name"] == container), {})
    linux = (reported.get("user") or {}).get("linux") or {}
    return (linux["uid"], linux.get("gid")) if linux.get("uid") else None


def container_json(
    name: str, image: str, pull_policy: str, plan: str, pod: Json, target: PodStatus, step: CollectorStep = "Look"
) -> dict[str, Any]:
    """The container to add. Without a known user it only looks, as the image's own unprivileged user.

    To trace takes rights of its own. The one that waits for the end shares the allocator's volume and not the target's
    processes, for it would die with them.
    """
    place: dict[str, Any] = {"targetContainerName": target.container}
    if step == "Final":
        place = {"volumeMounts": [{"name": BRINGER, "mountPath": MOUNT}]}
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        **place,
        "command": ["python3", "-m", "offheap.collector"],
        "args": [plan],
        "securityContext": _TRACING if step == "Trace" else _security_context(pod, target),
        "terminationMessagePolicy": "File",
    }


_TRACING: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsUser": 0,
    "runAsNonRoot": False,
    "capabilities": {"add": ["PERFMON", "SYS_PTRACE"]},
    "seccompProfile": {"type": "Unconfined"},
}
"""perf_event_open(2) of another user's process needs CAP_PERFMON, its symbols below /proc/PID/root CAP_SYS_PTRACE; only root
keeps added capabilities over an exec, and RuntimeDefault of older containerds knows perf_event_open for CAP_SYS_ADMIN only."""


def liveness_period_seconds(pod: Json, container: str) -> float | None:
    """How often the kubelet asks whether the container is alive; None: it does not. 10 s unless the probe says otherwise."""
    probe = _container(pod, container).get("livenessProbe")
    return None if probe is None else float(probe.get("periodSeconds", 10))


def _security_context(pod: Json, target: PodStatus) -> dict[str, Any]:
    """As the target's user with exactly its capabilities: the kernel lets a process read another of the same user whose
    capabilities are a subset of its own (ptrace(2), PTRACE_MODE_READ_FSCREDS)."""
    context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if target.run_as_user is not None:
        context["runAsUser"] = target.run_as_user
        if target.run_as_group is not None:
            context["runAsGroup"] = target.run_as_group
    if target.run_as_user == 0:
        capabilities = (_container(pod, target.container).get("securityContext") or {}).get("capabilities")
        if capabilities:
            context["capabilities"] = dict(capabilities)
        return context
    context["runAsNonRoot"] = True
    context["capabilities"] = {"drop": ["ALL"]}
    return context


def state_of(pod: Json, name: str) -> ContainerState:
    """What the kubelet reports of the ephemeral container; ``absent`` when it is not even in the pod's spec."""
    listed = any(c["name"] == name for c in pod["spec"].get("ephemeralContainers") or [])
    if not listed:
        return ContainerState("absent")
    statuses = pod["status"].get("ephemeralContainerStatuses") or []
    state = next((s.get("state") or {} for s in statuses if s["name"] == name), {})
    for phase in ("terminated", "running", "waiting"):
        if phase in state:
            detail = state[phase] or {}
            return ContainerState(phase, str(detail.get("reason", "")), str(detail.get("message", "")))
    return ContainerState("waiting")


def _container(pod: Json, name: str) -> Json:
    return next((c for c in pod["spec"]["containers"] if c["name"] == name), {})
