"""The runs of samples that an investigation makes, and what is different in the target during each of them. Pure.

One change at a time: each trial is compared with the growth of the baseline, so the baseline comes first where there are
trials. An allocator is a change too, made for the profiles it writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.api.quantity import parse_quantity
from offheap.api.spec import GperftoolsOptions, JemallocOptions, Spec
from offheap.api.words import Allocator, Stage
from offheap.investigation.problems import Problem

MOUNT = "/offheap"
"""Where the allocator's volume is in the target: the library, and the profiles that it writes."""
LIBRARIES: dict[Allocator, str] = {"Jemalloc": "libjemalloc.so.2", "Tcmalloc": "libtcmalloc.so.4"}
GPERFTOOLS_PREFIX = "heap"

_TRIM_OPTION = "-XX:TrimNativeHeapInterval=5000"
_FIRST_UPDATE_THAT_TRIMS = {17: 15, 21: 13}
"""Where the option was seen to be taken (8 and 11 do not start with it); from JDK 22 on it is there (JDK-8293114)."""


@dataclass(frozen=True)
class Changes:
    """What one stage adds: options for the JVM, variables of the container, and an allocator's library."""

    options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    allocator: Allocator = "None"


def stages(spec: Spec) -> tuple[Stage, ...]:
    """The runs, in their order; one alone where nothing is tried."""
    wanted = spec.instrumentation
    allocator: tuple[Stage, ...] = () if wanted.allocator == "None" else (wanted.allocator,)
    baseline: tuple[Stage, ...] = ("Baseline",) if wanted.trials or not allocator else ()
    return baseline + allocator + wanted.trials


def changes(spec: Spec, stage: Stage) -> Changes:
    """What this stage adds beside Native Memory Tracking."""
    wanted = spec.instrumentation
    match stage:
        case "Baseline":
            return Changes()
        case "Jemalloc":
            return Changes(environment=_jemalloc(wanted.jemalloc or JemallocOptions()), allocator="Jemalloc")
        case "Tcmalloc":
            return Changes(environment=_gperftools(wanted.gperftools or GperftoolsOptions()), allocator="Tcmalloc")
        case "ArenaMax":
            return Changes(environment=(("MALLOC_ARENA_MAX", "2"),))
        case "MaxDirectMemorySize":
            return Changes(options=(f"-XX:MaxDirectMemorySize={parse_quantity(wanted.max_direct_memory_size or '0')}",))
        case "NettyUnpooled":
            return Changes(options=("-Dio.netty.allocator.type=unpooled",))
        case "TrimNativeHeap":
            return Changes(options=(_TRIM_OPTION,))


def unfit(stage: Stage, feature: int | None, update: int | None) -> Problem | None:
    """Why this JVM would not start with the stage's options."""
    if stage != "TrimNativeHeap" or (feature or 0) >= 22:
        return None
    first = _FIRST_UPDATE_THAT_TRIMS.get(feature or 0)
    if first is not None and (update or 0) >= first:
        return None
    return Problem(
        "OptionUnknownToJdk",
        f"JDK {feature or 'unknown'}.0.{update or 0} is not known to take {_TRIM_OPTION} and would not start with it: it needs "
        "17.0.15, 21.0.13 or a later release.",
    )


def _jemalloc(options: JemallocOptions) -> tuple[tuple[str, str], ...]:
    """jemalloc(3), opt.prof and what follows; a prof_prefix is the beginning of a path."""
    conf = [
        "prof:true",
        "prof_active:true",
        f"lg_prof_sample:{options.lg_prof_sample}",
        f"lg_prof_interval:{options.lg_prof_interval}",
        f"prof_gdump:{str(options.prof_gdump).lower()}",
        f"prof_final:{str(options.prof_final).lower()}",
        f"prof_prefix:{MOUNT}/{options.prof_prefix}",
    ]
    return ("LD_PRELOAD", f"{MOUNT}/{LIBRARIES['Jemalloc']}"), ("MALLOC_CONF", ",".join(conf))


def _gperftools(options: GperftoolsOptions) -> tuple[tuple[str, str], ...]:
    """gperftools' docs/heapprofile.html. Never HEAPPROFILESIGNAL=12: SIGUSR2 is HotSpot's own (SR_signum) and kills it."""
    return (
        ("LD_PRELOAD", f"{MOUNT}/{LIBRARIES['Tcmalloc']}"),
        ("HEAPPROFILE", f"{MOUNT}/{GPERFTOOLS_PREFIX}"),
        ("HEAP_PROFILE_ALLOCATION_INTERVAL", str(parse_quantity(options.allocation_interval))),
        ("HEAP_PROFILE_INUSE_INTERVAL", str(parse_quantity(options.inuse_interval))),
    )
