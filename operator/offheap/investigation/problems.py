"""What stops an investigation, as values: a CamelCase reason for the condition and a message that says how to mend it.

Every problem that a person can meet is listed here once, so that the docs, the conditions and the tests share its words.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Why something is not done. ``reason`` is a condition reason (CamelCase); ``message`` ends with what to do."""

    reason: str
    message: str


def target_not_found(kind: str, name: str, namespace: str) -> Problem:
    """The workload that the spec names is not in the namespace."""
    return Problem(
        "TargetNotFound",
        f"{kind} {name!r} is not in namespace {namespace!r}. Create it, or correct spec.target in a new investigation.",
    )


def target_replaced(kind: str, name: str) -> Problem:
    """The workload was deleted, and maybe created anew, after the investigation had begun."""
    return Problem(
        "TargetGone",
        f"{kind} {name!r} was deleted (or created anew) while it was investigated. Nothing is left to put back; "
        "start a new investigation for the new one.",
    )


def no_running_pod(kind: str, name: str) -> Problem:
    """The workload has no pod with a running target container."""
    return Problem(
        "NoRunningPod",
        f"{kind} {name!r} has no pod whose container runs. Scale it up or mend its pods, then start a new investigation.",
    )


def container_ambiguous(names: list[str]) -> Problem:
    """Several containers and none named."""
    return Problem(
        "ContainerAmbiguous",
        f"the pod has {len(names)} containers ({', '.join(names)}): say which one runs the JVM in spec.target.container.",
    )


def container_not_found(container: str, names: list[str]) -> Problem:
    """The named container is not in the pod."""
    return Problem(
        "ContainerNotFound",
        f"the pod has no container {container!r}, it has: {', '.join(names)}. Correct spec.target.container.",
    )


def host_pid() -> Problem:
    """The pod shares the process table of its node."""
    return Problem(
        "HostPid",
        "the pod sees every process of its node (hostPID): which JVM is its own cannot be told from there, and the others' are "
        "not to be read. Investigate it without hostPID.",
    )


def collector_denied(detail: str) -> Problem:
    """The apiserver refused the ephemeral container."""
    return Problem(
        "CollectorDenied",
        f"the apiserver refused the collector's ephemeral container: {detail} Let the policy of this namespace admit it "
        "(it runs as the target's user, without privileges), or grant the operator patch on pods/ephemeralcontainers.",
    )


def collector_image_unavailable(detail: str) -> Problem:
    """The kubelet cannot pull the collector's image."""
    return Problem(
        "CollectorImageUnavailable",
        f"the node cannot pull the collector's image ({detail}). Set OFFHEAP_COLLECTOR_IMAGE of the operator to an "
        "image that this node can pull. The entry stays in the pod until the pod is replaced; no second one is added.",
    )


def collector_not_started(seconds: float) -> Problem:
    """The ephemeral container was accepted but never ran."""
    return Problem(
        "CollectorNotStarted",
        f"the collector did not start within {seconds:.0f} s. See the events of the pod (kubectl describe pod).",
    )


def collector_failed(detail: str) -> Problem:
    """The collector ended without the evidence that its step exists for."""
    return Problem("CollectorFailed", f"the collector ended without a result: {detail}")


def allocator_needs_glibc(libc: str) -> Problem:
    """The library is built for another C library than the target's."""
    return Problem(
        "AllocatorNeedsGlibc",
        f"the allocators' libraries are built for glibc and the JVM runs on {libc}: they cannot be loaded. Use probe nativemem, or "
        "an image on glibc for the time of the investigation.",
    )


def glibc_too_old(version: str, oldest: tuple[int, int]) -> Problem:
    """The library asks for functions that the target's C library does not have."""
    return Problem(
        "GlibcTooOld",
        f"the target's glibc is {version}, and the allocators' libraries need {oldest[0]}.{oldest[1]}: they would not be loaded. "
        "Use probe nativemem, or a newer base image for the time of the investigation.",
    )


def allocator_in_place(allocator: str) -> Problem:
    """The JVM runs with an allocator of its owner's choice already."""
    return Problem(
        "AllocatorInPlace",
        f"the JVM runs with {allocator} already, and it is not exchanged for another. Use probe nativemem, or switch its own "
        "profiling on.",
    )


def no_time_for_stage(stage: str, deadline: str) -> Problem:
    """The deadline would come before the stage has its samples."""
    return Problem(
        "DeadlineTooShort",
        f"the time left until spec.deadline ({deadline}) is too short for {stage}: a rollout and sampling.duration. Raise it.",
    )


def unsupported_jvm(vm: str) -> Problem:
    """A virtual machine that has no Native Memory Tracking of HotSpot's kind."""
    return Problem(
        "UnsupportedJvm",
        f"the process is {vm}, not HotSpot (OpenJDK): Native Memory Tracking and the attach protocol differ there. "
        "Investigate a container that runs an OpenJDK build.",
    )


def deadline_exceeded(deadline: str) -> Problem:
    """spec.deadline ran out before there was a verdict."""
    return Problem(
        "DeadlineExceeded", f"no verdict within spec.deadline ({deadline}). Raise it in a new investigation."
    )


def cancelled() -> Problem:
    """spec.cancel was set."""
    return Problem("Cancelled", "spec.cancel was set; what had been changed was put back.")


def rollout_not_healthy(detail: str) -> Problem:
    """The instrumented template did not become available."""
    return Problem(
        "RolloutNotHealthy",
        f"the instrumented template did not become available ({detail}); it was put back. See whether the container starts "
        "with the option by hand, or use intrusion: Attach.",
    )


def rollout_in_progress(detail: str) -> Problem:
    """The workload is in the middle of a rollout of its owner's, or paused: not the moment to patch it."""
    return Problem(
        "RolloutInProgress",
        f"the workload is not settled ({detail}): it was not patched. Finish or resume its rollout, then start a new "
        "investigation.",
    )


def apply_conflict(detail: str) -> Problem:
    """Another field manager owns what would be patched."""
    return Problem(
        "FieldConflict",
        f"another field manager owns a field of the patch: {detail} offheap never forces a field; free the variable, or turn "
        "NMT on in the template yourself.",
    )


def apply_denied(detail: str) -> Problem:
    """The apiserver refused the patch of the workload."""
    return Problem(
        "PatchDenied",
        f"the apiserver refused the patch of the workload: {detail} Allow it, or use intrusion: Attach.",
    )


def patch_superseded(detail: str) -> Problem:
    """Somebody removed or changed our fields while the investigation ran."""
    return Problem(
        "PatchSuperseded",
        f"somebody else changed the instrumented fields meanwhile ({detail}); they were not applied again.",
    )


def restart_not_allowed() -> Problem:
    """NMT is off, and the spec allows no restart."""
    return Problem(
        "RestartNotAllowed",
        "NMT is off in this JVM, and switching it on takes a restart: intrusion: Restart would allow it.",
    )


def not_patchable(kind: str) -> Problem:
    """The target has no template that could be rolled out."""
    return Problem("NotPatchable", f"a {kind} has no template to roll out: it is observed as it is.")


def attach_impossible(reason: str | None, message: str | None) -> Problem:
    """The JVM cannot be asked, so that NMT would be switched on in vain."""
    return Problem(
        reason or "AttachImpossible",
        f"the template was not patched, for NMT could not be read from this JVM: {message or 'attach failed'}",
    )


def analysis_failed(detail: str) -> Problem:
    """A fault in our own evidence or diagnosis code."""
    return Problem(
        "AnalysisFailed",
        f"the evidence could not be weighed ({detail}): this is a fault of offheap's, please report it. The evidence is in the "
        "collectors' logs as long as their pod is there.",
    )


def record_incomplete() -> Problem:
    """The status lacks what it must hold in this phase: somebody else wrote it."""
    return Problem(
        "RecordIncomplete",
        "the status lacks the record of the patch, or holds one that the spec does not ask for; only the operator may write "
        "the status.",
    )
