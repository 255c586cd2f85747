"""What the status on record says of pods, collectors and the patch, compared with what is seen now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from offheap.api.v1alpha1 import CollectorStatus, InstrumentationStatus, MemoryInvestigation, PodStatus, Status
from offheap.api.words import CollectorStep, allows
from offheap.investigation.ephemeral import identity_known, name_for
from offheap.investigation.instrumentation import (
    Patch,
    carries,
    command_line,
    disowning,
    is_applied,
    is_kept_by_others,
    is_overwritten,
    nmt_option,
    owns_fields,
    removal,
)
from offheap.investigation.observed import Observed
from offheap.investigation.problems import Problem
from offheap.investigation.steps import Remove, Step, Unapply
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]

GITOPS_MARKS = (
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "meta.helm.sh/release-name",
)


def age(since: datetime | None, now: datetime) -> float:
    """Seconds from a moment on record until now; 0 for a moment that is not on record."""
    return 0.0 if since is None else (now - since).total_seconds()


def overdue_seconds(inv: MemoryInvestigation, now: datetime) -> float:
    """Seconds since the deadline; negative while there is time left, and before the investigation has begun."""
    return age(inv.status.started_at, now) - inv.spec.deadline_seconds


def is_kept_in_git(inv: MemoryInvestigation) -> bool:
    """Whether a GitOps engine or Helm tracks the object: deleting it would make them create it again, for ever."""
    marks = {**(inv.metadata.get("labels") or {}), **(inv.metadata.get("annotations") or {})}
    return any(mark in marks for mark in GITOPS_MARKS)


def target_is_gone(inv: MemoryInvestigation, seen: Observed) -> bool:
    """Whether the workload on record is not there any more; one of the same name with another UID is another workload."""
    target = inv.status.target
    return target is not None and (seen.workload is None or seen.workload.uid != target.uid)


def pod_record(pod: Json, container: str) -> PodStatus:
    """A pod as it is put on record; with the user of its container where the pod itself says it."""
    known = identity_known(pod, container)
    user, group = known if known is not None else (None, None)
    return PodStatus(
        name=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        container=container,
        run_as_user=user,
        run_as_group=group,
    )


def new_collector(inv: MemoryInvestigation, status: Status, step: CollectorStep, now: datetime) -> CollectorStatus:
    """The next collector on the pod under investigation."""
    pod = status.pods[-1]
    return CollectorStatus(
        name=name_for(inv.uid, step, pod.uid, len(status.collectors)),
        step=step,
        pod=pod.name,
        pod_uid=pod.uid,
        container=pod.container,
        state="Intended",
        started_at=now,
    )


def collector_for(status: Status, step: CollectorStep) -> CollectorStatus | None:
    """The newest collector, if it does this step on the pod now under investigation."""
    last = status.collectors[-1] if status.collectors else None
    return last if last is not None and last.step == step and last.pod_uid == status.pods[-1].uid else None


def is_asked_for(inv: MemoryInvestigation, record: InstrumentationStatus) -> bool:
    """Whether the spec, which the apiserver let its author write, allows the patch on record: whoever can write the status
    alone shall not reach the workload through us."""
    wanted = inv.spec.instrumentation
    consented = record.carrier != "CommandLine" or wanted.command_line
    return allows(inv.spec.intrusion, "Restart") and consented and record.value == nmt_option(wanted.nmt)


def is_patched(workload: Workload, record: InstrumentationStatus) -> bool:
    """Whether the template carries the patch on record."""
    if record.carrier is None or record.container is None or record.value is None:
        return False
    return is_applied(workload, record.carrier, record.container, record.value)


def pod_is_patched(pod: Json, record: InstrumentationStatus) -> bool:
    """Whether the pod was made from the template that carries the patch on record."""
    if record.carrier is None or record.value is None:
        return False
    spec = next((c for c in pod["spec"]["containers"] if c["name"] == record.container), None)
    return spec is not None and carries(spec, record.carrier, record.value)


def patch_on_record(workload: Workload, record: InstrumentationStatus) -> Patch | Problem:
    """The patch that the record announces, for the template as it is now."""
    container, value = record.container or "", record.value or ""
    if record.carrier is None:
        return Problem("RecordIncomplete", "the record of the patch names no carrier.")
    if record.carrier != "CommandLine":
        return Patch(carrier=record.carrier, container=container, value=value)
    spec = workload.container(container)
    if spec is None:
        return Problem("ContainerNotFound", f"the template has no container {container!r} any more.")
    return command_line(spec, container, value, consent=True)


def undoing(workload: Workload, record: InstrumentationStatus) -> Step | None:
    """What is still to be taken away from the workload, or None.

    The apiserver's books tell what server-side apply has to give back. A value of ours that they no longer list (kubectl
    replace wipes them) and one on the command line are taken away by value, and then our name from the books. A variable
    that somebody else has set to the same value meanwhile stays: taking it away would be a fight without end with whoever
    puts it there. One whose value somebody else has changed stays as well, and only our name leaves the books.
    """
    if record.carrier is None or record.container is None or record.value is None:
        return None
    if record.carrier != "CommandLine" and owns_fields(workload):
        if is_overwritten(workload, record.carrier, record.container, record.value):
            return Remove(tuple(disowning(workload, "Apply")))
        return Unapply()
    if is_patched(workload, record) and not is_kept_by_others(workload, record.carrier, record.container):
        return Remove(tuple(removal(workload, record.carrier, record.container, record.value)))
    named = disowning(workload)
    return Remove(tuple(named)) if named else None
