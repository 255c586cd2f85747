"""What the operator knows and did: the status of a MemoryInvestigation. It is the durable state, so every field of it
is declared."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from offheap.api.fields import (
    STORED,
    Bytes,
    Count,
    Id,
    Name,
    Reason,
    ShownDuration,
    ShownQuantity,
    Text,
    Time,
    Word,
    rule,
    rules,
)
from offheap.api.words import (
    TERMINAL,
    Allocator,
    Capabilities,
    Carrier,
    CollectorState,
    CollectorStep,
    ConditionStatus,
    Confidence,
    FindingOutcome,
    InstrumentationState,
    Intrusion,
    Phase,
    ProbeState,
    Stage,
    StageState,
    TargetKind,
    VerdictKind,
)

Argument = Annotated[str, StringConstraints(max_length=16384)]
"""One word of a command line, kept whole: it is put back."""


class Condition(BaseModel):
    """One aspect of the investigation's state, as metav1.Condition."""

    model_config = STORED

    type: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Z][A-Za-z]*$")]
    """Accepted, TargetResolved, Instrumented, EvidenceCollected, ArtifactsStored, Restored, Succeeded, Ready, Reconciling or
    Stalled."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Reason
    """Why, as one word in CamelCase."""
    message: Text = ""
    """Why, for people, and what to do where something is to be done."""
    last_transition_time: Time
    """When the status last changed."""
    observed_generation: Count | None = None
    """Generation of the spec that this is about."""


class VerdictStatus(BaseModel):
    """The answer: what grows, how fast, who allocates it, how sure that is, what to do."""

    model_config = STORED

    kind: VerdictKind
    """What leaks; NoLeak if nothing does, Inconclusive if the evidence does not tell."""
    confidence: Confidence
    """How sure the verdict is: the explained share of the growth, and whether independent witnesses agree."""
    growth_per_hour: ShownQuantity | None = None
    """Growth of the leaking memory. Absent when none was measured."""
    time_to_limit: ShownDuration | None = None
    """Time until the container reaches its memory limit at this growth. Absent without growth or limit."""
    summary: Text | None = None
    """The verdict in one or two sentences."""
    owner: Word | None = None
    """Who allocates it: a function, a class, a thread name or an NMT category. Absent when unknown."""
    recommendation: Text | None = None
    """What to do about it."""
    missing: Text | None = None
    """What would decide an Inconclusive verdict: the next level of intrusion, or a setting."""


class BalanceRow(BaseModel):
    """One item of the balance sheet."""

    model_config = STORED

    name: Word
    """What the bytes are booked to."""
    bytes: Bytes
    """Bytes at the time of the balance. Negative only for unexplained, when more was booked than the kernel charged."""
    growth_per_hour: ShownQuantity | None = None
    """Growth of this item. Absent with too few samples."""


class Balance(BaseModel):
    """Every byte the kernel charged to the container at one moment, booked."""

    model_config = STORED

    at: Time
    """The moment of the last sample."""
    limit: ShownQuantity | None = None
    """Memory limit of the container. Absent: none."""
    usage: ShownQuantity | None = None
    """What the kernel charged to the container."""
    unexplained: ShownQuantity | None = None
    """The part of the usage that no other item explains."""
    rows: tuple[BalanceRow, ...] = Field(default=(), max_length=64)
    """The items; their bytes add up to the usage. The last one is unexplained."""


class FindingStatus(BaseModel):
    """One statement about the memory, with the evidence behind it."""

    model_config = STORED

    kind: VerdictKind
    """What the statement is about."""
    outcome: FindingOutcome
    """Fail: it leaks. Warn: worth a look. Pass: it does not. Unknown: the evidence does not tell."""
    confidence: Confidence | None = None
    """How sure the statement is."""
    growth_per_hour: ShownQuantity | None = None
    """Growth behind the statement. Absent when none was measured."""
    message: Text | None = None
    """The statement, with its numbers."""
    recommendation: Text | None = None
    """What to do about it."""
    evidence: tuple[Word, ...] = Field(default=(), max_length=16)
    """Ids of the evidence behind it, such as nmt/summary.diff@12."""


class ProbeStatus(BaseModel):
    """What became of one probe, and what it cost."""

    model_config = STORED

    name: Word
    """Name of the probe, after its tool or source."""
    level: Intrusion | None = None
    """Level of intrusion that the probe takes."""
    state: ProbeState
    """Done, Skipped or Failed."""
    reason: Reason | None = None
    """Why it was skipped or failed, as one word in CamelCase."""
    message: Text | None = None
    """Why it was skipped or failed, and how to mend it."""
    samples: Count | None = None
    """Number of samples taken."""
    target_memory_peak: ShownQuantity | None = None
    """Most memory that the collector used in the target's pod."""
    pause: ShownDuration | None = None
    """Longest time for which the target's threads were stopped."""
    sent: ShownQuantity | None = None
    """What it sent out of the pod, as it went into the collector's log. Absent: nothing."""


class StageStatus(BaseModel):
    """One run of samples, and what was different in the target meanwhile."""

    model_config = STORED

    name: Stage
    """Baseline: nothing but NMT. Jemalloc, Tcmalloc: the allocator. Otherwise the trial."""
    state: StageState
    """Running, Done or Skipped."""
    reason: Reason | None = None
    """Why it was skipped, as one word in CamelCase."""
    message: Text | None = None
    """Why it was skipped, and what to do about it."""


class Artifact(BaseModel):
    """One file of evidence in the artifact store."""

    model_config = STORED

    id: Word
    """Its name within the investigation."""
    kind: Word
    """What it is, such as text, ndjson, jfr, jemalloc-heap, pprof, collapsed or svg."""
    uri: Annotated[str, StringConstraints(max_length=1024)]
    """Where it is."""
    size: Count
    """Bytes in the store."""
    sha256: Annotated[str, StringConstraints(max_length=64)]
    """SHA-256 of these bytes, in hexadecimal."""


class EnvironmentVariable(BaseModel):
    """One variable that is set in the container."""

    model_config = STORED

    name: Name
    """Name of the variable."""
    value: Argument
    """Its value."""


class TargetStatus(BaseModel):
    """The workload as it was found."""

    model_config = STORED

    kind: TargetKind
    """Kind of the workload."""
    name: Name
    """Name of the workload."""
    uid: Name
    """UID of the workload: one of the same name created later is another workload."""


class Jvm(BaseModel):
    """The JVM that was found in a container."""

    model_config = STORED

    vm: Word | None = None
    """Virtual machine: HotSpot, OpenJ9, SubstrateVM or unknown."""
    vendor: Word | None = None
    """Vendor of the JDK."""
    version: Word | None = None
    """Version of the JDK, such as 17.0.15."""
    pid: Id | None = None
    """Process id in the container."""
    start_time_ticks: Id | None = None
    """Start time of the process in clock ticks since boot: with the process id it tells one process from another."""
    gc: Word | None = None
    """Garbage collector."""
    max_heap: ShownQuantity | None = None
    """Largest size of the Java heap."""
    nmt: Word | None = None
    """Level of Native Memory Tracking that the process runs with: off, summary, detail or unknown."""


class PodStatus(BaseModel):
    """A pod under investigation."""

    model_config = STORED

    name: Name
    """Name of the pod."""
    uid: Name
    """UID of the pod."""
    container: Name
    """Container that runs the JVM."""
    jvm: Jvm | None = None
    """The JVM in it. Absent until it was identified."""
    run_as_user: Id | None = None
    """User id that the JVM runs as, and the collector with it."""
    run_as_group: Id | None = None
    """Group id that the JVM runs as, and the collector with it."""
    capabilities: Capabilities | None = None
    """Capabilities the JVM has, and the collector with it: None or Default (those of the container runtime)."""
    libc: Word | None = None
    """C library of the JVM: glibc, musl or unknown."""
    allocator: Word | None = None
    """Memory allocator of the JVM: glibc, musl, jemalloc, tcmalloc or mimalloc."""


class CollectorStatus(BaseModel):
    """One ephemeral container that collects evidence; written before it is created."""

    model_config = STORED

    name: Name
    """Name of the ephemeral container."""
    step: CollectorStep
    """Look: which process is the JVM. Identify: what JVM it is. Sample: take the evidence. Trace: perf, with rights of its
    own. Final: wait for the profile that an allocator writes when its pod ends."""
    stage: Stage | None = None
    """What was different in the target while it took samples."""
    pod: Name
    """Name of the pod it runs in."""
    pod_uid: Annotated[Name, Field(alias="podUID")]
    """UID of the pod it runs in."""
    container: Name
    """Container whose processes it sees."""
    state: CollectorState
    """Intended, Running, Done or Failed."""
    reason: Reason | None = None
    """Why it ended, as one word in CamelCase."""
    message: Text | None = None
    """Why it ended, and what to do where something is to be done."""
    started_at: Time | None = None
    """When it was asked for."""


class InstrumentationStatus(BaseModel):
    """The write-ahead record of the change to the pod template: what is undone, also after a crash of the operator."""

    model_config = STORED

    state: InstrumentationState
    """None: nothing was changed. Intended, Applied, Reverting: it is being changed, is changed, is being put back.
    Reverted: it is as it was."""
    carrier: Carrier | None = None
    """What carries the options to the JVM: an environment variable or the command line."""
    container: Name | None = None
    """Container whose template is changed."""
    value: Argument | None = None
    """Options that are added for the JVM."""
    stage: Stage | None = None
    """What the change is for."""
    environment: tuple[EnvironmentVariable, ...] = Field(default=(), max_length=16)
    """Further variables that are added to the container."""
    allocator: Allocator | None = None
    """Allocator whose library an init container brings into a volume of its own. Absent: none."""
    template_hash_before: Word | None = None
    """Hash of the pod template before the change."""
    template_hash_after: Word | None = None
    """Hash of the pod template after it was put back: the same as before, unless somebody else changed the template
    meanwhile."""
    field_manager: Word | None = None
    """Field manager that owns the change in the workload's managedFields."""
    args_before: tuple[Argument, ...] | None = Field(default=None, max_length=512)
    """Args of the container before the change; only where the carrier is CommandLine."""
    command_before: tuple[Argument, ...] | None = Field(default=None, max_length=512)
    """Command of the container before the change; only where the carrier is CommandLine."""
    at: Time | None = None
    """When this state was reached."""
    reverted_at: Time | None = None
    """When the template was found to be as it was."""


class Outcome(BaseModel):
    """Why the investigation ends; written before anything is put back."""

    model_config = STORED

    reason: Reason
    """Why, as one word in CamelCase."""
    message: Text = ""
    """Why, for people, and what to do where something is to be done."""


class Status(BaseModel):
    """What the operator knows and did. Written by the operator only."""

    model_config = STORED | {
        "json_schema_extra": rules(
            rule(
                f"!has(oldSelf.phase) || !(oldSelf.phase in {list(TERMINAL)})"
                " || has(self.phase) && self.phase == oldSelf.phase",
                "a finished investigation stays as it ended: create another one",
                reason="FieldValueForbidden",
                fieldPath=".phase",
            ),
        )
    }

    observed_generation: Count | None = None
    """Generation of the spec that this status is about."""
    phase: Phase | None = None
    """Where the investigation stands. Succeeded, Inconclusive, Failed and Cancelled are final, and reached only after
    the workload is as it was."""
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """The aspects of the state: Accepted, TargetResolved, Instrumented, EvidenceCollected, ArtifactsStored, Restored,
    Succeeded, Ready, Reconciling, Stalled."""
    started_at: Time | None = None
    """When the investigation left Pending; the deadline counts from here."""
    sampling_started_at: Time | None = None
    """When the first sample was asked for."""
    finished_at: Time | None = None
    """When the investigation reached its final phase; ttlAfterFinished counts from here."""
    verdict: VerdictStatus | None = None
    """The answer: what grows, how fast, who allocates it, how sure that is, what to do."""
    balance: Balance | None = None
    """Every byte the kernel charged to the container at the last sample, booked."""
    findings: tuple[FindingStatus, ...] = Field(default=(), max_length=32)
    """The statements behind the verdict, the leading one first."""
    probes: tuple[ProbeStatus, ...] = Field(default=(), max_length=64)
    """What became of each probe, and what it cost."""
    target: TargetStatus | None = None
    """The workload as it was found."""
    pods: tuple[PodStatus, ...] = Field(default=(), max_length=64)
    """The pods under investigation."""
    collectors: tuple[CollectorStatus, ...] = Field(default=(), max_length=64)
    """The ephemeral containers that collect evidence."""
    instrumentation: InstrumentationStatus | None = None
    """The write-ahead record of the change to the pod template. Absent: nothing was changed."""
    stages: tuple[StageStatus, ...] = Field(default=(), max_length=16)
    """The runs of samples, in the order in which they are made."""
    artifacts: tuple[Artifact, ...] = Field(default=(), max_length=128)
    """The evidence in the artifact store, the most telling first."""
    artifacts_left_out: Count | None = None
    """How many more artifacts there are; the store's manifest.json lists all. Absent: none."""
    outcome: Outcome | None = None
    """Why the investigation ends; written before anything is put back."""
