"""What each visible step makes of the status: from one status to the next, pure. One write to the apiserver each.

``plan`` decides which of these happens; nothing here looks at the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from offheap.api.v1alpha1 import (
    Artifact,
    CollectorStatus,
    EnvironmentVariable,
    InstrumentationStatus,
    Jvm,
    MemoryInvestigation,
    Outcome,
    PodStatus,
    ProbeStatus,
    StageStatus,
    Status,
    TargetStatus,
)
from offheap.api.words import CollectorState, Phase, Stage
from offheap.investigation.conditions import condition, finished, initial, running, with_condition
from offheap.investigation.problems import Problem
from offheap.investigation.template import FIELD_MANAGER, Patch, last_editor
from offheap.investigation.workload import Workload


def noticed(inv: MemoryInvestigation, now: datetime) -> Status:
    """The first visit: Pending, every condition unknown, the spec fixed from here on."""
    status = Status(observed_generation=inv.generation, phase="Pending", conditions=initial(inv.generation, now))
    status = with_condition(status, "Accepted", "True", "Valid", "the apiserver's schema and rules hold.", now)
    return running(status, "Pending", "the investigation is about to start.", now)


def spec_seen(status: Status, generation: int) -> Status:
    """The spec as it is now was read. Whoever waits by kstatus (Flux, Argo CD) waits for this number first, so suspend,
    cancel and ttlAfterFinished are acknowledged too, also after the end."""
    return status.model_copy(update={"observed_generation": generation})


def waiting(status: Status, reason: str, message: str, now: datetime) -> Status:
    """Still Pending, and why."""
    return running(status, reason, message, now)


def target_unresolved(status: Status, problem: Problem, now: datetime) -> Status:
    """Pending because the target is not there (yet)."""
    status = with_condition(status, "TargetResolved", "False", problem.reason, problem.message, now)
    return running(status, problem.reason, problem.message, now)


def started(status: Status, target: Workload, pod: PodStatus, now: datetime) -> Status:
    """The target is found and nobody else works on it."""
    status = status.model_copy(
        update={
            "phase": "Preparing",
            "started_at": now,
            "target": TargetStatus(kind=target.kind, name=target.name, uid=target.uid),
            "pods": (pod,),
        }
    )
    message = f"{target.kind} {target.name}, pod {pod.name}, container {pod.container}."
    status = with_condition(status, "TargetResolved", "True", "Found", message, now)
    return running(status, "Preparing", "finding out which process is the JVM and how to reach it.", now)


def moved_to_pod(status: Status, pod: PodStatus, now: datetime) -> Status:
    """The pod under investigation is gone; another one stands for the workload from here on."""
    message = f"pod {status.pods[-1].name} is gone; going on with pod {pod.name}."
    status = status.model_copy(update={"pods": (*status.pods, pod)[-64:], "phase": "Preparing"})
    return running(status, "PodReplaced", message, now)


def collector_intended(status: Status, collector: CollectorStatus, now: datetime) -> Status:
    """A collector is about to be created: the record that makes its creation repeatable."""
    status = status.model_copy(update={"collectors": (*status.collectors, collector)})
    match collector.step:
        case "Look" | "Final":
            return status
        case "Identify":
            status = status.model_copy(update={"phase": "Observing"})
            return running(status, "Observing", f"identifying the JVM of pod {collector.pod}.", now)
        case "Trace":
            return running(status, "Tracing", f"recording pod {collector.pod} with perf.", now)
        case _:
            started = status.sampling_started_at or now
            status = status.model_copy(update={"phase": "Sampling", "sampling_started_at": started})
            if collector.stage is not None and collector.stage not in {one.name for one in status.stages}:
                status = stage_begun(status, collector.stage)
            of = "" if collector.stage in (None, "Baseline") else f" ({collector.stage})"
            return running(status, "Sampling", f"taking samples of pod {collector.pod}{of}.", now)


def collector_now(
    status: Status, state: CollectorState, reason: str | None = None, message: str | None = None
) -> Status:
    """The newest collector reached another state. Its words come from outside: they are validated, that is cut to size."""
    ended = {"state": state, "reason": reason, "message": message}
    last = CollectorStatus.model_validate(status.collectors[-1].model_dump() | ended)
    return status.model_copy(update={"collectors": (*status.collectors[:-1], last)})


def looked(status: Status, user: int, group: int, capabilities: str) -> Status:
    """The JVM's user is known: the next collectors run as that user."""
    pod = status.pods[-1].model_copy(update={"run_as_user": user, "run_as_group": group, "capabilities": capabilities})
    return collector_now(status.model_copy(update={"pods": (*status.pods[:-1], pod)}), "Done")


def identified(status: Status, jvm: Jvm, libc: str, allocator: str) -> Status:
    """The JVM is known."""
    pod = status.pods[-1].model_copy(update={"jvm": jvm, "libc": libc, "allocator": allocator})
    return status.model_copy(update={"pods": (*status.pods[:-1], pod)})


def not_instrumented(status: Status, problem: Problem, now: datetime) -> Status:
    """The template stays as it is, and why."""
    return with_condition(status, "Instrumented", "False", problem.reason, problem.message, now)


def stage_begun(status: Status, stage: Stage) -> Status:
    """Samples are taken for this stage from here on."""
    return status.model_copy(update={"stages": (*status.stages, StageStatus(name=stage, state="Running"))})


def stage_ended(status: Status) -> Status:
    """The stage under way has its samples."""
    if not status.stages:
        return status
    last = status.stages[-1].model_copy(update={"state": "Done"})
    return status.model_copy(update={"stages": (*status.stages[:-1], last)})


def stage_skipped(status: Status, stage: Stage, problem: Problem) -> Status:
    """This stage is not made (any further), and why."""
    if any(one.name == stage and one.state == "Done" for one in status.stages):
        return status
    skipped = StageStatus(name=stage, state="Skipped", reason=problem.reason, message=problem.message)
    kept = tuple(one for one in status.stages if one.name != stage)
    return status.model_copy(update={"stages": (*kept, skipped)})


def instrumentation_intended(status: Status, target: Workload, patch: Patch, stage: Stage, now: datetime) -> Status:
    """The write-ahead record of the patch. One that follows another keeps what is known of the template before the first."""
    spec = target.container(patch.container) or {}
    before = status.instrumentation
    if before is not None and before.state != "Applied":
        before = None
    lists = patch.carrier == "CommandLine"
    record = InstrumentationStatus(
        state="Intended",
        carrier=patch.carrier,
        container=patch.container,
        value=patch.value or None,
        stage=stage,
        environment=tuple(EnvironmentVariable(name=name, value=value) for name, value in patch.environment),
        allocator=None if patch.allocator == "None" else patch.allocator,
        template_hash_before=before.template_hash_before if before else target.template_hash,
        field_manager=FIELD_MANAGER,
        args_before=before.args_before if before else tuple(spec["args"]) if lists and "args" in spec else None,
        command_before=before.command_before
        if before
        else tuple(spec["command"])
        if lists and "command" in spec
        else None,
        at=now,
    )
    status = status.model_copy(update={"phase": "Instrumenting", "instrumentation": record})
    if stage not in {one.name for one in status.stages}:
        status = stage_begun(status, stage)
    message = f"adding {_told(patch)} to container {patch.container} of {target.kind} {target.name}."
    status = with_condition(status, "Instrumented", "False", "Applying", message, now)
    status = with_condition(status, "Restored", "False", "Changed", "the pod template carries offheap's change.", now)
    return running(status, "Instrumenting", message, now)


def instrumentation_applied(status: Status, now: datetime) -> Status:
    """The template carries the patch; its rollout goes on."""
    record = _record(status).model_copy(update={"state": "Applied", "at": now})
    status = status.model_copy(update={"instrumentation": record})
    message = f"the template carries {_added(record)}; waiting for its rollout."
    status = with_condition(status, "Instrumented", "False", "RollingOut", message, now)
    return running(status, "RollingOut", message, now)


def instrumentation_withdrawn(status: Status, problem: Problem, now: datetime) -> Status:
    """The apiserver refused the patch, so nothing was changed and there is nothing to put back."""
    record = _record(status).model_copy(update={"state": "None"})
    status = status.model_copy(update={"instrumentation": record, "phase": "Observing", "stages": ()})
    status = with_condition(status, "Restored", "True", "NothingChanged", "the pod template was not changed.", now)
    return not_instrumented(status, problem, now)


def on_instrumented_pod(status: Status, pod: PodStatus) -> Status:
    """The pod of the instrumented template that is sampled; its JVM runs as the same user as in the pod before."""
    before = status.pods[-1]
    if pod.run_as_user is None:
        known = {"run_as_user": before.run_as_user, "run_as_group": before.run_as_group}
        pod = pod.model_copy(update={**known, "capabilities": before.capabilities})
    pod = pod.model_copy(update={"libc": before.libc})
    return status.model_copy(update={"pods": (*status.pods, pod)[-64:]})


def proved(status: Status, jvm: Jvm, now: datetime) -> Status:
    """What the JVM itself says about the level of NMT, after it was asked for."""
    status = status.model_copy(update={"pods": (*status.pods[:-1], status.pods[-1].model_copy(update={"jvm": jvm}))})
    if jvm.nmt in ("summary", "detail"):
        message = f"VM.native_memory answers at level {jvm.nmt}."
        return with_condition(status, "Instrumented", "True", "NmtActive", message, now)
    message = (
        "the new pod carries the option, but VM.native_memory says that NMT is off: something starts the JVM without it. "
        "Add the option where the container's start script reads its options."
    )
    return with_condition(status, "Instrumented", "False", "NmtNotActive", message, now)


def took(status: Status, jvm: Jvm, allocator: str, now: datetime) -> Status:
    """What the JVM of the patched template says: whether the change has reached it."""
    pod = status.pods[-1].model_copy(update={"jvm": jvm, "allocator": allocator})
    status = status.model_copy(update={"pods": (*status.pods[:-1], pod)})
    record = _record(status)
    if record.value is not None and "NativeMemoryTracking" in record.value:
        status = proved(status, jvm, now)
        told = condition(status, "Instrumented")
        if told is not None and told.status == "False":
            return status
    if record.allocator is not None and allocator != record.allocator.lower():
        message = (
            f"the new pod carries LD_PRELOAD, but the JVM runs with {allocator}'s allocator: the library was not loaded. See the "
            "first lines of the container's log."
        )
        return with_condition(status, "Instrumented", "False", "AllocatorNotLoaded", message, now)
    if record.environment or record.value is None or "NativeMemoryTracking" not in record.value:
        return with_condition(status, "Instrumented", "True", "Active", f"the JVM runs with {_added(record)}.", now)
    return status


def awaits_proof(status: Status) -> bool:
    """Whether the new pod has not been asked yet whether the change has reached its JVM."""
    instrumented = condition(status, "Instrumented")
    return instrumented is not None and instrumented.reason == "RollingOut"


def analyzing(status: Status, now: datetime) -> Status:
    """The evidence is in."""
    status = status.model_copy(update={"phase": "Analyzing"})
    return running(status, "Analyzing", "the evidence is being weighed.", now)


def probes_seen(
    status: Status, probes: tuple[ProbeStatus, ...], gaps: tuple[tuple[int, int], ...], samples: int, now: datetime
) -> Status:
    """What the probes yielded, skipped and cost."""
    status = status.model_copy(update={"probes": probes[:64]})
    if samples == 0:
        message = "no sample was taken: see status.probes and the log of the collector."
        return with_condition(status, "EvidenceCollected", "False", "NoSamples", message, now)
    how = next((one.reason for one in reversed(status.collectors) if one.step == "Sample" and one.reason), "Completed")
    if gaps:
        lost = sum(last - first + 1 for first, last in gaps)
        message = f"{samples} samples; {lost} records of the stream are missing."
        return with_condition(status, "EvidenceCollected", "True", "WithGaps", message, now)
    message = f"{samples} samples; the collector ended with {how}."
    return with_condition(status, "EvidenceCollected", "True", how, message, now)


def artifacts_kept(
    status: Status, artifacts: tuple[Artifact, ...], left_out: int, problem: Problem | None, now: datetime
) -> Status:
    """Where the bulk of the evidence is, or why it is nowhere."""
    status = status.model_copy(update={"artifacts": artifacts, "artifacts_left_out": left_out or None})
    if problem is not None:
        return with_condition(status, "ArtifactsStored", "False", problem.reason, problem.message, now)
    message = f"{len(artifacts) + left_out} files; the first is the list of all."
    return with_condition(status, "ArtifactsStored", "True", "Stored", message, now)


def ending(status: Status, outcome: Problem, now: datetime) -> Status:
    """Why it ends is recorded; with something to put back that comes first, else this is the end."""
    status = status.model_copy(update={"outcome": Outcome(reason=outcome.reason, message=outcome.message)})
    record = status.instrumentation
    if record is None or record.state in ("None", "Reverted"):
        if condition(status, "Restored") is not None:
            status = with_condition(
                status, "Restored", "True", "NothingChanged", "the pod template was not changed.", now
            )
        return ended(status, now)
    status = status.model_copy(
        update={"phase": "Restoring", "instrumentation": record.model_copy(update={"state": "Reverting", "at": now})}
    )
    message = "the pod template is being put back."
    status = with_condition(status, "Restored", "False", "Restoring", message, now)
    return running(status, "Restoring", message, now)


def restored(status: Status, target: Workload | None, rolled_out: str, now: datetime) -> Status:
    """Our change is gone from the template. ``target`` None: the workload itself is gone."""
    record = _record(status)
    after = None if target is None else target.template_hash
    record = record.model_copy(update={"state": "Reverted", "template_hash_after": after, "reverted_at": now})
    status = status.model_copy(update={"instrumentation": record})
    if target is None:
        reason, message = "TargetGone", "the workload is gone; nothing is left to put back."
    elif after == record.template_hash_before:
        reason, message = "TemplateAsBefore", f"the pod template hashes as before the patch; {rolled_out}."
    else:
        reason = "TemplateChangedByOthers"
        message = (
            f"offheap's change is gone; the template differs from before because others edited it meanwhile "
            f"(last: {last_editor(target)}); {rolled_out}."
        )
    status = with_condition(status, "Restored", "True", reason, message, now)
    return ended(status, now)


def restore_blocked(status: Status, problem: Problem, now: datetime) -> Status:
    """The change could not be taken away; it is tried again until it can."""
    status = with_condition(status, "Restored", "False", problem.reason, problem.message, now)
    return running(status, problem.reason, problem.message, now)


def ended(status: Status, now: datetime) -> Status:
    """The final phase, which follows from the verdict and the reason for ending."""
    outcome = status.outcome or Outcome(reason="Unknown")
    phase = final_phase(status)
    status = status.model_copy(update={"phase": phase, "finished_at": now})
    if condition(status, "Instrumented") is not None and status.instrumentation is None:
        old = condition(status, "Instrumented")
        if old is not None and old.status == "Unknown":
            status = with_condition(status, "Instrumented", "False", "NotNeeded", "the template was not changed.", now)
    return finished(status, outcome.reason, outcome.message, now, failed=phase == "Failed")


@dataclass(frozen=True)
class News:
    """What is worth an Event."""

    reason: str
    note: str
    warning: bool


def news(before: Status, after: Status) -> News | None:
    """The transition between two statuses that a person wants to be told, or None."""
    told, was = condition(after, "Ready"), condition(before, "Ready")
    if told is None or (was is not None and was.reason == told.reason and before.phase == after.phase):
        return None
    reason = told.reason if after.finished_at is None else str(after.phase)
    note = told.message or reason
    if after.finished_at is not None and told.reason != reason:
        note = f"{told.reason}: {note}"
    return News(reason=reason, note=note, warning=after.phase == "Failed")


def final_phase(status: Status) -> Phase:
    """Succeeded with a verdict, Inconclusive when that says so, Cancelled when asked for, else Failed."""
    if status.outcome is not None and status.outcome.reason == "Cancelled":
        return "Cancelled"
    if status.verdict is None:
        return "Failed"
    return "Inconclusive" if status.verdict.kind == "Inconclusive" else "Succeeded"


def _told(patch: Patch) -> str:
    """What the patch adds, for people."""
    carried = [f"{patch.value} by {patch.carrier}"] if patch.value else []
    return ", ".join([*carried, *(f"{name}={value}" for name, value in patch.environment)])


def _added(record: InstrumentationStatus) -> str:
    """What the patch on record adds, for people."""
    carried = [record.value] if record.value else []
    return ", ".join([*carried, *(f"{one.name}={one.value}" for one in record.environment)])


def _record(status: Status) -> InstrumentationStatus:
    return status.instrumentation or InstrumentationStatus(state="None")
