"""What a user asks for: the spec of a MemoryInvestigation, with every bound that the apiserver shall hold."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field, StringConstraints

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
from offheap.api.words import Allocator, Intrusion, Nmt, OptionsVariable, ProbeName, TargetKind, Trial, allows

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


class MallocInfoOptions(BaseModel):
    """Experiments of the malloc-info probe: each changes the target, so each is done only when it is asked for."""

    model_config = SPEC

    trim: bool = False
    """Ask the JVM to give unused malloc memory back (System.trim_native_heap, malloc_trim(3)) after the last sample,
    and measure before and after. It walks every arena: milliseconds to seconds on gigabytes."""
    gc: bool = False
    """Ask the JVM for a full collection (GC.run) after the last sample, before the trim, and measure before and after.
    It stops the application for as long as a full collection takes."""


class NativememOptions(BaseModel):
    """How the native allocations are sampled."""

    model_config = SPEC

    interval: Annotated[Quantity, sized("1Ki", "64Mi")] = "64Ki"
    """One allocation is recorded for so many bytes allocated, 1Ki to 64Mi."""


class PerfOptions(BaseModel):
    """How long perf records."""

    model_config = SPEC

    duration: Annotated[Duration, between("1s", "5m")] = "10s"
    """For each of its two recordings, 1s to 5m."""


class RegionOptions(BaseModel):
    """Which memory is read."""

    model_config = SPEC

    regions: Annotated[int, Field(ge=1, le=16)] = 4
    """How many of the growing regions are read, the fastest growing first. 1 to 16."""


def _only_with(name: str, field: str) -> dict[str, str]:
    return rule(
        f"!has(self.{field}) || self.name == '{name}'",
        f"{field} belongs to the probe {name}",
        reason="FieldValueInvalid",
        fieldPath=f".{field}",
    )


class ProbeRequest(BaseModel):
    """One probe that is asked for by name, with its options."""

    model_config = SPEC | {
        "json_schema_extra": rules(
            _only_with("malloc-info", "mallocInfo"),
            _only_with("nativemem", "nativemem"),
            _only_with("perf", "perf"),
            _only_with("memory", "memory"),
            _only_with("gdb", "gdb"),
        )
    }

    name: ProbeName
    """Name of the probe."""
    malloc_info: MallocInfoOptions | None = None
    """Experiments of the malloc-info probe: each changes the target, so each is done only when it is asked for."""
    nativemem: NativememOptions | None = None
    """How the native allocations are sampled."""
    perf: PerfOptions | None = None
    """How long perf records. Asked for by name, perf gets a container of its own that runs as root with the
    capabilities PERFMON and SYS_PTRACE; a namespace that forbids them makes it Skipped."""
    memory: RegionOptions | None = None
    """Which memory is read."""
    gdb: RegionOptions | None = None
    """Which memory is dumped."""


class JemallocOptions(BaseModel):
    """MALLOC_CONF of the profiled run; the names are jemalloc's own."""

    model_config = SPEC

    lg_prof_interval: Annotated[int, Field(ge=20, le=40)] = 26
    """A profile is written each time 2^n bytes were allocated: 26 is 64 MiB, 30 is 1 GiB. 20 to 40."""
    lg_prof_sample: Annotated[int, Field(ge=10, le=26)] = 17
    """One allocation is sampled for 2^n bytes allocated: 17 is 128 KiB. 10 to 26."""
    prof_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=32)] = "jeprof"
    """First part of the profiles' file names."""
    prof_gdump: bool = False
    """Write a profile also each time the memory in use reaches a new peak."""
    prof_final: bool = True
    """Write a last profile when the JVM ends in an orderly way (SIGTERM)."""


class GperftoolsOptions(BaseModel):
    """Environment of tcmalloc's heap profiler in the profiled run."""

    model_config = SPEC

    allocation_interval: Annotated[Quantity, sized("1Mi", "1Ti")] = "256Mi"
    """A profile is written each time so much was allocated (HEAP_PROFILE_ALLOCATION_INTERVAL). 1Mi to 1Ti."""
    inuse_interval: Annotated[Quantity, sized("1Mi", "1Ti")] = "16Mi"
    """A profile is written each time the memory in use has grown by so much (HEAP_PROFILE_INUSE_INTERVAL)."""


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
            rule(
                "!has(self.jemalloc) || has(self.allocator) && self.allocator == 'Jemalloc'",
                "jemalloc has the options of allocator Jemalloc: set that, or drop them",
                reason="FieldValueInvalid",
                fieldPath=".jemalloc",
            ),
            rule(
                "!has(self.gperftools) || has(self.allocator) && self.allocator == 'Tcmalloc'",
                "gperftools has the options of allocator Tcmalloc: set that, or drop them",
                reason="FieldValueInvalid",
                fieldPath=".gperftools",
            ),
            rule(
                "!has(self.trials) || !('MaxDirectMemorySize' in self.trials) || has(self.maxDirectMemorySize)",
                "the trial MaxDirectMemorySize needs maxDirectMemorySize: what the application can live with",
                reason="FieldValueRequired",
                fieldPath=".maxDirectMemorySize",
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
    allocator: Allocator = "None"
    """Memory allocator that the JVM is started with for a while, to have its heap profiles: Jemalloc (sampled, costs little) or
    Tcmalloc of gperftools (every allocation, about 60 times slower a malloc). An init container brings the library."""
    jemalloc: JemallocOptions | None = None
    """MALLOC_CONF of the profiled run; the names are jemalloc's own."""
    gperftools: GperftoolsOptions | None = None
    """Environment of tcmalloc's heap profiler in the profiled run."""
    trials: Annotated[tuple[Trial, ...], Field(max_length=4, json_schema_extra={"x-kubernetes-list-type": "set"})] = ()
    """Changes that are tried one at a time, each by a rollout, and compared with the growth without it. ArenaMax:
    MALLOC_ARENA_MAX=2. MaxDirectMemorySize: the limit below. NettyUnpooled: -Dio.netty.allocator.type=unpooled.
    TrimNativeHeap: -XX:TrimNativeHeapInterval=5000, where the JDK takes it."""
    max_direct_memory_size: Annotated[Quantity, sized("1Mi", "1Ti")] | None = None
    """What the trial MaxDirectMemorySize sets: -XX:MaxDirectMemorySize. Beyond it the application gets an
    OutOfMemoryError, so it is yours to choose."""
    command_line: bool = False
    """Consent to changing the container's command or args where no environment variable serves (JDK 8 needs it for
    NMT). They belong to the owner of the template; they are put back as they were."""


class Budget(BaseModel):
    """What the investigation may cost the target; a probe that would cost more is skipped and says so."""

    model_config = SPEC

    target_memory: Annotated[Quantity, sized("8Mi", "2Gi")] = "64Mi"
    """Memory that the collector, its tools and what they load into the JVM may use. It is charged to the target's pod. 8Mi to
    2Gi; gdb needs about 60Mi, perf 48Mi."""
    pause: Annotated[Duration, between("0s", "1m")] = "500ms"
    """Time that the probes of one collector may stop the target's threads, all in all. 0s to 1m."""
    artifacts: Annotated[Quantity, sized("1Mi", "4Gi")] = "64Mi"
    """Bytes that the investigation may keep in the artifact store. 1Mi to 4Gi."""

    @property
    def target_memory_bytes(self) -> int:
        """`targetMemory` in bytes."""
        return parse_quantity(self.target_memory)

    @property
    def pause_seconds(self) -> float:
        """`pause` in seconds."""
        return parse_duration(self.pause)

    @property
    def artifacts_bytes(self) -> int:
        """`artifacts` in bytes."""
        return parse_quantity(self.artifacts)


def _not_longer(shorter: str, longer: str) -> str:
    """CEL: of two durations below `self` the first is not the longer one; what is not a duration is another rule's
    matter."""
    guards = " || ".join(f"!{is_duration(path)}" for path in (shorter, longer))
    return f"{guards} || duration({shorter}) <= duration({longer})"


_BY_LEVEL: dict[Intrusion, tuple[ProbeName, ...]] = {
    "Attach": ("jvm", "nmt", "malloc-info"),
    "Profile": ("buffer-pools", "nativemem", "perf", "memory"),
    "Pause": ("gdb",),
}
"""The probes that need more than Observe."""


def _within_level(level: Intrusion, names: tuple[ProbeName, ...]) -> dict[str, str]:
    """CEL: a probe that is asked for by name is allowed by the intrusion."""
    enough = [one for one in get_args(Intrusion) if allows(one, level)]
    return rule(
        f"!has(self.probes) || !self.probes.exists(p, p.name in {list(names)}) || self.intrusion in {enough}",
        f"{' and '.join(names)} of probes need intrusion {level} or more: set it, or drop them",
        reason="FieldValueInvalid",
        fieldPath=".probes",
    )


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
            rule(
                "self.instrumentation.allocator == 'None'"
                " && (!has(self.instrumentation.trials) || size(self.instrumentation.trials) == 0)"
                " || self.intrusion == 'Restart'",
                "an allocator or a trial needs a restart: set intrusion to Restart, or drop instrumentation.allocator and"
                " instrumentation.trials",
                reason="FieldValueInvalid",
                fieldPath=".intrusion",
            ),
            *(_within_level(level, names) for level, names in _BY_LEVEL.items()),
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
    probes: Annotated[
        tuple[ProbeRequest, ...],
        Field(
            max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = ()
    """Probes that are asked for by name, with their options. Those of the level of intrusion run without being named, except
    the experiments of malloc-info, and gdb at Restart."""
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
