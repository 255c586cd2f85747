"""The state machine: what to do next, decided from the resource, what the cluster shows, and the time. Pure.

Read ``plan`` from top to bottom: the first line that applies is the step. A step is small; after it everything is read and
planned anew, so a crash between any two lines is met by the same lines after the restart.
"""

from __future__ import annotations

from datetime import datetime

from offheap.api.v1alpha1 import MemoryInvestigation, Status
from offheap.api.words import CollectorStep, Stage, allows
from offheap.evidence.identity import JvmIdentity
from offheap.investigation import problems
from offheap.investigation import transitions as to
from offheap.investigation.conditions import condition
from offheap.investigation.identify import found_identity, found_process, jvm_status
from offheap.investigation.ladder import next_patch, patch_for
from offheap.investigation.observed import Observed, holds
from offheap.investigation.patience import PATIENCE, Patience
from offheap.investigation.problems import Problem
from offheap.investigation.records import (
    age,
    collector_for,
    is_asked_for,
    is_kept_in_git,
    is_patched,
    new_collector,
    overdue_seconds,
    patch_on_record,
    pod_is_patched,
    pod_record,
    putting_back,
    stage_after,
    stage_now,
    target_is_gone,
)
from offheap.investigation.steps import (
    Analyze,
    Apply,
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
from offheap.investigation.template import last_editor
from offheap.investigation.waiting import await_collector, fail_collector, move_if_gone
from offheap.investigation.workload import container_name, representative
from offheap.probes.choice import keeps_last_words, wants_trace

BESIDES: tuple[CollectorStep, ...] = ("Trace", "Final")
"""What may fail without an end to the investigation."""


def plan(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience = PATIENCE) -> Step:
    """The next step of this investigation."""
    status = inv.status
    if inv.is_deleted:
        return _let_go(inv, seen) if holds(inv) else Rest()
    if status.phase is not None and status.observed_generation != inv.generation:
        return Record(to.spec_seen(status, inv.generation))
    if inv.is_finished:
        return Release() if holds(inv) else _keep_or_expire(inv, now)
    if status.phase is None:
        return Record(to.noticed(inv, now))
    if status.phase == "Restoring":
        return _restore(inv, seen, now, patience)
    if inv.spec.cancel:
        return Record(to.ending(status, problems.cancelled(), now))
    if status.phase == "Pending":
        return _begin(inv, seen, now, patience)
    if target_is_gone(inv, seen):
        return Record(to.ending(status, problems.target_replaced(inv.spec.target.kind, inv.spec.target.name), now))
    late = overdue_seconds(inv, now)
    if status.phase == "Analyzing" and late < patience.analysis:
        return Analyze()
    if late > 0:
        return _out_of_time(inv, seen, now)
    match status.phase:
        case "Preparing":
            return _prepare(inv, seen, now, patience)
        case "Observing":
            return _observe(inv, seen, now, patience)
        case "Instrumenting":
            return _instrument(inv, seen, now, patience)
        case _:
            return _sample(inv, seen, now, patience)


def refused(inv: MemoryInvestigation, step: Step, problem: Problem, now: datetime) -> Status:
    """The status after the apiserver refused to let us do a step."""
    match step:
        case Apply():
            return _withdrawn(inv, problem, now)
        case Unapply() | Remove():
            return to.restore_blocked(inv.status, problem, now)
        case _:
            failed = to.collector_now(inv.status, "Failed", problem.reason, problem.message)
            if inv.status.phase == "Sampling" and inv.status.collectors[-1].step in BESIDES:
                return failed
            return to.analyzing(failed, now) if has_samples(inv.status) else to.ending(failed, problem, now)


def _withdrawn(inv: MemoryInvestigation, problem: Problem, now: datetime) -> Status:
    """The apiserver refused the patch: the target is sampled as it is, or what earlier stages brought is weighed."""
    if not has_samples(inv.status):
        return to.instrumentation_withdrawn(inv.status, problem, now)
    return _without_this_stage(inv, problem, now)


def _without_this_stage(inv: MemoryInvestigation, problem: Problem, now: datetime) -> Status:
    """What the stages before have brought is weighed."""
    return to.analyzing(to.stage_skipped(inv.status, stage_now(inv, inv.status), problem), now)


def _begin(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    status, target = inv.status, inv.spec.target
    if inv.spec.suspend:
        message = "spec.suspend is true; set it to false to let the investigation start."
        return _once(status, to.waiting(status, "Suspended", message, now), Rest())
    if seen.ahead is not None:
        message = f"investigation {seen.ahead!r} works on the same target; this one starts after it has ended."
        return _once(status, to.waiting(status, "Queued", message, now), Wait(patience.poll * 3))
    if seen.workload is None:
        return _missing(inv, problems.target_not_found(target.kind, target.name, inv.namespace), now, patience)
    if not seen.pods:
        return _missing(inv, problems.no_running_pod(target.kind, target.name), now, patience)
    container = container_name(seen.pods[0], target.container)
    if isinstance(container, Problem):
        return Record(to.ending(to.target_unresolved(status, container, now), container, now))
    pod = representative(seen.pods, container)
    if pod is None:
        return _missing(inv, problems.no_running_pod(target.kind, target.name), now, patience)
    return Record(to.started(status, seen.workload, pod_record(pod, container), now))


def _missing(inv: MemoryInvestigation, problem: Problem, now: datetime, patience: Patience) -> Step:
    """Not there yet: wait a little, for manifests are applied in any order; then say so for good."""
    status = inv.status
    resolved = condition(status, "TargetResolved")
    if (
        resolved is not None
        and resolved.status == "False"
        and age(resolved.last_transition_time, now) > patience.target
    ):
        return Record(to.ending(to.target_unresolved(status, problem, now), problem, now))
    return _once(status, to.target_unresolved(status, problem, now), Wait(patience.poll))


def _prepare(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Find the user of the JVM, from the pod or by a look into /proc, and then identify it."""
    status = inv.status
    looking = collector_for(status, "Look")
    if looking is None or looking.state == "Failed":  # failed: the move back to this pod, whose container runs again
        known = status.pods[-1].run_as_user is not None
        return move_if_gone(inv, seen, now) or _intend(inv, "Identify" if known else "Look", now)
    if looking.state == "Done":
        return _intend(inv, "Identify", now)
    process = found_process(seen.stream)
    if process is None:
        return await_collector(inv, seen, now, patience)
    if isinstance(process, Problem):
        return fail_collector(inv, process, now)
    capabilities = "Default" if process.has_capabilities else "None"
    return Record(to.looked(status, process.user, process.group, capabilities))


def _observe(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Wait for the JVM's identity; then instrument it, or sample it as it is."""
    if inv.status.collectors[-1].state == "Done":
        return _sampling(inv, inv.status, now)
    identity = found_identity(seen.stream)
    if identity is None:
        return await_collector(inv, seen, now, patience)
    if isinstance(identity, Problem):
        return fail_collector(inv, identity, now)
    return _identified(inv, seen, identity, now, patience)


def _identified(
    inv: MemoryInvestigation, seen: Observed, identity: JvmIdentity, now: datetime, patience: Patience
) -> Step:
    """The fork of the ladder: a JVM that tracks already is sampled; another is instrumented where that is allowed."""
    known = to.identified(inv.status, jvm_status(identity), identity.libc, identity.allocator)
    done = to.collector_now(known, "Done")
    if identity.vm != "HotSpot":
        return Record(to.ending(done, problems.unsupported_jvm(identity.vm), now))
    stage = stage_now(inv, done)
    if identity.nmt in ("summary", "detail"):
        done = to.proved(done, jvm_status(identity), now)
        if stage == "Baseline":
            return _sampling(inv, done, now)
    chosen = patch_for(inv, seen.workload, identity, stage)
    if isinstance(chosen, Problem):
        return _sample_unchanged(inv, done, stage, chosen, now)
    workload, patch = chosen
    if not workload.rollout.done:
        if not workload.rollout.stuck and age(inv.status.started_at, now) < patience.settle:
            return Wait(patience.poll)
        problem = problems.rollout_in_progress(workload.rollout.message)
        return _sample_unchanged(inv, done, stage, problem, now)
    return Record(to.instrumentation_intended(done, workload, patch, stage, now)) if holds(inv) else Hold()


def _sample_unchanged(inv: MemoryInvestigation, status: Status, stage: Stage, problem: Problem, now: datetime) -> Step:
    """The target is sampled as it is: a baseline, whatever was to be tried first."""
    status = to.not_instrumented(status, problem, now)
    if stage != "Baseline":
        status = to.stage_begun(to.stage_skipped(status, stage, problem), "Baseline")
    return _sampling(inv, status, now)


def _instrument(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Patch, follow the rollout, and choose a pod of the new template."""
    status, record, workload = inv.status, inv.status.instrumentation, seen.workload
    if record is None or workload is None or not is_asked_for(inv, record):
        return Record(to.ending(status, problems.record_incomplete(), now))
    patched = is_patched(workload, record)
    if record.state == "Intended":
        if patched:
            return Record(to.instrumentation_applied(status, now))
        patch = patch_on_record(workload, record)
        return Record(_withdrawn(inv, patch, now)) if isinstance(patch, Problem) else Apply(patch)
    if not patched:
        return _give_up(inv, problems.patch_superseded(f"last edit: {last_editor(workload)}"), now)
    late = age(record.at, now) > patience.rollout
    if workload.rollout.stuck or (late and not workload.rollout.done):
        return _give_up(inv, problems.rollout_not_healthy(workload.rollout.message), now)
    new = [pod for pod in seen.pods if pod_is_patched(pod, record)]
    pod = representative(new, record.container) if workload.rollout.done else None
    if pod is not None:
        return _sampling(inv, to.on_instrumented_pod(status, pod_record(pod, status.pods[-1].container)), now)
    if late:
        return _give_up(inv, problems.rollout_not_healthy("no pod of the new template runs"), now)
    return Wait(patience.poll)


def _give_up(inv: MemoryInvestigation, problem: Problem, now: datetime) -> Step:
    """Nothing more can be had: what earlier stages brought is weighed, if there is any."""
    if not has_samples(inv.status):
        return Record(to.ending(inv.status, problem, now))
    return Record(_without_this_stage(inv, problem, now))


def has_samples(status: Status) -> bool:
    """Whether a stage has been sampled to its end."""
    return any(one.step == "Sample" and one.state == "Done" for one in status.collectors)


def _sample(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Wait while the collector samples; what comes after it is decided when it ends, however it ends."""
    status, end = inv.status, seen.stream.end
    current = status.collectors[-1]
    waits_for_the_end = current.step == "Final" and current.state == "Running"
    has_ended = current.state in ("Done", "Failed")  # and a stage was skipped, or the finalizer had to come first
    if waits_for_the_end or has_ended:
        return _go_on(inv, status, seen, now)
    if end is not None:
        done = to.collector_now(status, "Done", end.outcome, end.message)
        done = to.stage_ended(done) if current.step == "Sample" else done
        if end.outcome != "Completed" and current.step == "Sample":
            return Record(to.analyzing(done, now))
        return Record(done)
    if to.awaits_proof(status) and current.step == "Sample":
        identity = found_identity(seen.stream)
        if isinstance(identity, JvmIdentity):
            return Record(to.took(status, jvm_status(identity), identity.allocator, now))
    step = await_collector(inv, seen, now, patience)
    if isinstance(step, Record) and step.status.outcome is not None:
        if current.step in BESIDES:
            outcome = step.status.outcome
            return Record(to.collector_now(status, "Failed", outcome.reason, outcome.message))
        if seen.stream.evidence or has_samples(status):
            return _weigh_what_there_is(inv, step.status.outcome.reason, step.status.outcome.message, now)
    return step


def _go_on(inv: MemoryInvestigation, status: Status, seen: Observed, now: datetime) -> Step:
    """After the samples of one stage: perf where it was asked for, the next stage, or the diagnosis."""
    traced = any(one.step == "Trace" for one in status.collectors)
    if wants_trace(inv.spec) and not traced and allows(inv.spec.intrusion, "Profile"):
        return _intend(inv, "Trace", now)
    if keeps_last_words(inv.spec, stage_now(inv, status)) and not any(
        one.step == "Final" and one.pod_uid == status.pods[-1].uid for one in status.collectors
    ):
        return _intend(inv, "Final", now)
    stage = stage_after(inv, status)
    if stage is None:
        return Record(to.analyzing(status, now))
    chosen = next_patch(inv, seen, stage, now)
    if isinstance(chosen, Problem):
        return Record(to.stage_skipped(status, stage, chosen))
    workload, patch = chosen
    return Record(to.instrumentation_intended(status, workload, patch, stage, now)) if holds(inv) else Hold()


def _weigh_what_there_is(inv: MemoryInvestigation, reason: str, message: str, now: datetime) -> Step:
    return Record(to.analyzing(to.collector_now(inv.status, "Failed", reason, message), now))


def _restore(inv: MemoryInvestigation, seen: Observed, now: datetime, patience: Patience) -> Step:
    """Take our change away, wait until the old template runs again, and end."""
    status, record = inv.status, inv.status.instrumentation
    if record is None or target_is_gone(inv, seen) or seen.workload is None:
        return Record(to.restored(status, None, "", now))
    undo = putting_back(inv, seen.workload, record)
    if undo is not None:
        return undo
    rollout = seen.workload.rollout
    if not rollout.done and not rollout.stuck and age(record.at, now) < patience.restore:
        return Wait(patience.poll)
    rolled_out = "its pods are available" if rollout.done else f"its rollout still goes on ({rollout.message})"
    return Record(to.restored(status, seen.workload, rolled_out, now))


def _let_go(inv: MemoryInvestigation, seen: Observed) -> Step:
    """Being deleted: undo what was done, then let the object go. A workload that is gone needs no undoing."""
    record = inv.status.instrumentation
    if record is None or record.state in ("None", "Reverted") or seen.workload is None or target_is_gone(inv, seen):
        return Release()
    return putting_back(inv, seen.workload, record) or Release()


def _keep_or_expire(inv: MemoryInvestigation, now: datetime) -> Step:
    ttl = inv.spec.ttl_after_finished_seconds
    if ttl is None or is_kept_in_git(inv):
        return Rest()
    left = ttl - age(inv.status.finished_at, now)
    return Wait(max(1.0, left)) if left > 0 else Expire()


def _out_of_time(inv: MemoryInvestigation, seen: Observed, now: datetime) -> Step:
    problem = problems.deadline_exceeded(inv.spec.deadline)
    if inv.status.phase == "Sampling" and seen.stream.evidence:
        return _weigh_what_there_is(inv, problem.reason, problem.message, now)
    if inv.status.phase == "Analyzing":
        return Record(to.ending(inv.status, problem, now))
    return _give_up(inv, problem, now)


def _once(status: Status, new: Status, otherwise: Step) -> Step:
    """Write what is new; what is already said is not said again."""
    return Record(new) if new != status else otherwise


def _intend(inv: MemoryInvestigation, step: CollectorStep, now: datetime) -> Step:
    return Record(to.collector_intended(inv.status, new_collector(inv, inv.status, step, now), now))


def _sampling(inv: MemoryInvestigation, status: Status, now: datetime) -> Step:
    """From here on only samples are taken; one write with what led to it."""
    return Record(to.collector_intended(status, new_collector(inv, status, "Sample", now), now))
