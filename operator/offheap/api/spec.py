"""What a user asks for: the spec of a MemoryInvestigation, with every bound that the apiserver shall hold."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from offheap.api.duration import parse_duration
from offheap.api.fields import (
    SPEC,
    DnsLabel,
    DnsName,
    Duration,
    Quantity,
    between,
    is_duration,
    rule,
    rules,
    sized,
)
from offheap.api.quantity import parse_quantity
from offheap.api.words import Intrusion, Nmt, OptionsVariable, TargetKind

CHANGEABLE = ("suspend", "cancel", "ttlAfterFinished")
"""The fields that may change after the investigation has started."""


class Target(BaseModel):
    """The workload to investigate; it lives in the namespace of the investigation."""

    model_config = SPEC

    kind: TargetKind
    """Kind of the workload. A Pod is investigated as it is: it has no template that could be instrumented."""
    name: DnsName
    """Name of the workload."""
    container: DnsLabel | None = None
    """Container that runs the JVM. May be left out where the pod has only one container."""


class Sampling(BaseModel):
    """How often and for how long the memory is measured."""

    model_config = SPEC

    interval: Annotated[Duration, between("1s", "10m")] = "15s"
    """Time between two samples, 1s to 10m. Each sample costs the target a few milliseconds of CPU time."""
    duration: Annotated[Duration, between("10s", "24h")] = "10m"
    """Time from the first to the last sample, 10s to 24h. The slower the leak, the longer: growth is told from noise
    by time."""

    @property
    def interval_seconds(self) -> float:
        """`interval` in seconds."""
        return parse_duration(self.interval)

    @property
    def duration_seconds(self) -> float:
        """`duration` in seconds."""
        return parse_duration(self.duration)


class Instrumentation(BaseModel):
    """What is switched on in the pod template for the time of the investigation, if intrusion is Restart."""

    model_config = SPEC | {
        "json_schema_extra": rules(
            rule(
                "!self.commandLine || self.optionsVariable == 'Auto'",
                "commandLine puts the options into the container's command line, so optionsVariable must stay Auto:"
                " drop one of the two",
                reason="FieldValueInvalid",
                fieldPath=".optionsVariable",
            ),
        )
    }

    nmt: Nmt = "Summary"
    """Native Memory Tracking of the JVM. Summary counts by category (about 1 MB; a malloc and free in 103 instead of
    64 ns); Detail also names the call sites (about 1 MB; 189 ns); Off leaves it as it is. If it is already on in the
    running JVM, nothing is restarted."""
    options_variable: OptionsVariable = "Auto"
    """Environment variable that carries the options to the JVM. Auto takes the one that is free in the template and
    that the JDK reads. A variable which the template already sets is never taken over."""
    command_line: bool = False
    """Consent to changing the container's command or args where no environment variable serves (JDK 8 needs it for
    NMT). They belong to the owner of the template; they are put back as they were."""


class Budget(BaseModel):
    """What the investigation may cost the target; a probe that would cost more is skipped and says so."""

    model_config = SPEC

    target_memory: Annotated[Quantity, sized("8Mi", "2Gi")] = "32Mi"
    """Memory that the collector may use. It is charged to the target's pod. 8Mi to 2Gi."""
    pause: Annotated[Duration, between("0s", "1m")] = "500ms"
    """Time that the probes of one collector may stop the target's threads, all in all. 0s to 1m."""

    @property
    def target_memory_bytes(self) -> int:
        """`targetMemory` in bytes."""
        return parse_quantity(self.target_memory)

    @property
    def pause_seconds(self) -> float:
        """`pause` in seconds."""
        return parse_duration(self.pause)


def _not_longer(shorter: str, longer: str) -> str:
    """CEL: of two durations below `self` the first is not the longer one; what is not a duration is another rule's
    matter."""
    guards = " || ".join(f"!{is_duration(path)}" for path in (shorter, longer))
    return f"{guards} || duration({shorter}) <= duration({longer})"


class Spec(BaseModel):
    """What to investigate and how far to go. Fixed once the investigation has started, except suspend, cancel and
    ttlAfterFinished."""

    model_config = SPEC | {
        "json_schema_extra": rules(
            rule(
                "self.target.kind != 'Pod' || self.intrusion != 'Restart'",
                "a Pod cannot be instrumented by a rollout: name the Deployment, StatefulSet or DaemonSet that owns it,"
                " or choose intrusion Pause or milder",
                reason="FieldValueInvalid",
                fieldPath=".intrusion",
            ),
            rule(
                _not_longer("self.sampling.interval", "self.sampling.duration"),
                "sampling.interval must not be longer than sampling.duration",
                reason="FieldValueInvalid",
                fieldPath=".sampling.interval",
            ),
            rule(
                _not_longer("self.sampling.duration", "self.deadline"),
                "sampling.duration must not be longer than deadline",
                reason="FieldValueInvalid",
                fieldPath=".deadline",
            ),
        )
    }

    target: Target
    """The workload to investigate; it lives in the namespace of the investigation."""
    intrusion: Intrusion = "Attach"
    """How far the investigation may go, each level including those before it. Observe: read /proc and cgroup files
    from an ephemeral container. Attach: commands that the JVM serves. Profile: load an agent into the running JVM.
    Pause: stop its threads for a moment. Restart: roll the workload out with instrumentation, and once more to take
    it away. The evidence is taken in this order, as far as needed."""
    sampling: Sampling = Sampling()
    """How often and for how long the memory is measured."""
    instrumentation: Instrumentation = Instrumentation()
    """What is switched on in the pod template for the time of the investigation, if intrusion is Restart."""
    budget: Budget = Budget()
    """What the investigation may cost the target; a probe that would cost more is skipped and says so."""
    deadline: Annotated[Duration, between("1m", "48h")] = "1h"
    """Time from the start after which the investigation ends with what it has, and puts the workload back as it was.
    1m to 48h."""
    ttl_after_finished: Annotated[Duration, between("0s", "8760h")] | None = None
    """Time after which a finished investigation is deleted, at most 8760h. Absent: it is kept. Leave it out of
    manifests kept in Git, whose tool would create the investigation again."""
    requested_by: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Who asked for it. The admission policy refuses any name but that of the user who sends the request. Absent:
    nobody is named."""
    suspend: bool = False
    """True keeps an investigation from starting: it stays Pending until this is false. One that has started goes on:
    use cancel to end it."""
    cancel: bool = False
    """True ends the investigation early: the workload is put back as it was, and the phase becomes Cancelled."""

    @property
    def deadline_seconds(self) -> float:
        """`deadline` in seconds."""
        return parse_duration(self.deadline)

    @property
    def ttl_after_finished_seconds(self) -> float | None:
        """`ttlAfterFinished` in seconds, or None: keep it."""
        return None if self.ttl_after_finished is None else parse_duration(self.ttl_after_finished)
