"""What the status on record says of pods, collectors and the patch, compared with what is seen now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from offheap.api.v1alpha1 import CollectorStatus, InstrumentationStatus, MemoryInvestigation, PodStatus, Status
from offheap.api.words import Allocator, CollectorStep, Stage, allows
from offheap.investigation.ephemeral import identity_known, name_for
from offheap.investigation.instrumentation import command_line, nmt_option
from offheap.investigation.observed import Observed
from offheap.investigation.problems import Problem
from offheap.investigation.stages import Changes, changes, stages
from offheap.investigation.steps import Remove, Step, Unapply
from offheap.investigation.template import (
    Patch,
    disowning,
    is_applied,
    is_in,
    is_overwritten,
    leftovers,
    owns_fields,
)
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
        stage=None if step in ("Look", "Identify") else stage_now(inv, status),
        pod=pod.name,
        pod_uid=pod.uid,
        container=pod.container,
        state="Intended",
        started_at=now,
    )


def stage_now(inv: MemoryInvestigation, status: Status) -> Stage:
    """The stage that is under way: the first one before any was begun."""
    return status.stages[-1].name if status.stages else stages(inv.spec)[0]


def stage_after(inv: MemoryInvestigation, status: Status) -> Stage | None:
    """The stage to come next, None after the last one."""
    begun = {one.name for one in status.stages}
    return next((name for name in stages(inv.spec) if name not in begun), None)


def collector_for(status: Status, step: CollectorStep) -> CollectorStatus | None:
    """The newest collector, if it does this step on the pod now under investigation."""
    last = status.collectors[-1] if status.collectors else None
    return last if last is not None and last.step == step and last.pod_uid == status.pods[-1].uid else None


def is_asked_for(inv: MemoryInvestigation, record: InstrumentationStatus) -> bool:
    """Whether the spec, which the apiserver let its author write, allows the patch on record: whoever can write the status
    alone shall not reach the workload through us."""
    wanted = inv.spec.instrumentation
    stage = record.stage or "Baseline"
    if not allows(inv.spec.intrusion, "Restart") or stage not in stages(inv.spec):
        return False
    if record.carrier == "CommandLine" and not wanted.command_line:
        return False
    asked = changes(inv.spec, stage)
    patch = patch_of(record)
    may_carry = {*asked.options} | ({nmt_option(wanted.nmt)} if wanted.nmt != "Off" else set())
    return (
        set(patch.value.split()) <= may_carry
        and patch.environment in ((), asked.environment)
        and patch.allocator in ("None", asked.allocator)
    )


def patch_of(record: InstrumentationStatus) -> Patch:
    """The patch that the record announces, without the lists of the command line."""
    return Patch(
        container=record.container or "",
        carrier=record.carrier,
        value=record.value or "",
        environment=tuple((one.name, one.value) for one in record.environment),
        allocator=record.allocator or "None",
    )


def is_complete(record: InstrumentationStatus) -> bool:
    """Whether the record names a container and something that is added to it."""
    has_value = record.carrier is not None and bool(record.value)
    return bool(record.container) and (has_value or bool(record.environment))


def is_patched(workload: Workload, record: InstrumentationStatus) -> bool:
    """Whether the template carries the patch on record."""
    return is_complete(record) and is_applied(workload, patch_of(record))


def pod_is_patched(pod: Json, record: InstrumentationStatus) -> bool:
    """Whether the pod was made from the template that carries the patch on record."""
    return is_complete(record) and is_in(pod["spec"], patch_of(record))


def patch_on_record(workload: Workload, record: InstrumentationStatus) -> Patch | Problem:
    """The patch that the record announces, for the template as it is now."""
    patch = patch_of(record)
    if not is_complete(record):
        return Problem("RecordIncomplete", "the record of the patch names nothing to add.")
    if patch.carrier != "CommandLine":
        return patch
    spec = workload.container(patch.container)
    if spec is None:
        return Problem("ContainerNotFound", f"the template has no container {patch.container!r} any more.")
    before = (*(record.command_before or ()), *(record.args_before or ()))
    ours = tuple(word for word in [*(spec.get("command") or []), *(spec.get("args") or [])] if word not in before)
    carried = command_line(spec, patch.container, patch.value, consent=True, own_words=ours)
    return carried if isinstance(carried, Problem) else replace(patch, args=carried.args, command=carried.command)


def putting_back(inv: MemoryInvestigation, workload: Workload, record: InstrumentationStatus) -> Step | None:
    """What is still to be taken away, or None. Of a record that the spec does not allow nothing is taken for ours by its value:
    whoever can write the status alone shall not take words of the owner's away through us."""
    trusted = record if is_asked_for(inv, record) else record.model_copy(update={"container": None})
    return undoing(workload, trusted, carried_values(inv), _of_stages_done(inv))


def carried_values(inv: MemoryInvestigation) -> frozenset[str]:
    """Every value that one of the stages may give the variable that carries options."""
    nmt = inv.spec.instrumentation.nmt
    tracks = [()] if nmt == "Off" else [(), (nmt_option(nmt),)]
    options = [changes(inv.spec, stage).options for stage in stages(inv.spec)]
    return frozenset(" ".join(track + own) for track in tracks for own in options) - {""}


def _of_stages_done(inv: MemoryInvestigation) -> Changes:
    """What the stages before have set beside the options, which is there until the next stage's patch is applied."""
    done = {one.name for one in inv.status.stages if one.state == "Done"}
    made = [changes(inv.spec, stage) for stage in stages(inv.spec) if stage in done]
    brought: Allocator = next((one.allocator for one in made if one.allocator != "None"), "None")
    return Changes(environment=tuple(variable for one in made for variable in one.environment), allocator=brought)


def undoing(
    workload: Workload,
    record: InstrumentationStatus,
    carried: Collection[str] = frozenset(),
    before: Changes = Changes(),  # noqa: B008 - frozen
) -> Step | None:
    """What is still to be taken away from the workload, or None. ``carried``: the values that any stage may have left,
    ``before``: what else the stages before this one may have left.

    The apiserver's books tell what server-side apply has to give back. What of ours they no longer list (kubectl replace
    wipes them) and words of the command line are taken away by value, and then our name from the books. A variable that
    somebody else has set to the same value meanwhile stays: taking it away would be a fight without end with whoever puts it
    there. One whose value somebody else has changed stays as well, and only our name leaves the books. Between the record of
    a stage and its patch the template carries the value of the stage before, which is no change of somebody else's.
    """
    if not is_complete(record):
        return Unapply() if owns_fields(workload) else None
    patch = _as_carried(workload, patch_of(record), carried)
    if owns_fields(workload):
        return Remove(tuple(disowning(workload, "Apply"))) if is_overwritten(workload, patch) else Unapply()
    allocator = before.allocator if patch.allocator == "None" else patch.allocator
    left = leftovers(
        workload, replace(patch, environment=(*patch.environment, *before.environment), allocator=allocator)
    )
    if left:
        return Remove(tuple(left))
    named = disowning(workload)
    return Remove(tuple(named)) if named else None


def _as_carried(workload: Workload, patch: Patch, carried: Collection[str]) -> Patch:
    spec = workload.container(patch.container) or {}
    now = {one["name"]: str(one.get("value")) for one in spec.get("env") or []}.get(patch.carrier or "", patch.value)
    return replace(patch, value=now) if now in carried else patch
