"""Which probes run in which collector, with which options: what the level allows and the spec asks for, at the least cost.

What was measured once is not measured again: the dear probes run in the first stage only, and never two that both stand
between the JVM and its allocator.
"""

from __future__ import annotations

from offheap.api.duration import parse_duration
from offheap.api.quantity import parse_quantity
from offheap.api.spec import JemallocOptions, ProbeRequest, Spec
from offheap.api.words import CollectorStep, Intrusion, Stage, allows
from offheap.probes import PROBES

Options = dict[str, object]

ALLOCATORS: dict[Stage, str] = {"Jemalloc": "jemalloc", "Tcmalloc": "gperftools"}
"""The probe that takes the profiles of a stage's allocator out."""
_ONLY_ONCE = ("nativemem", "perf", "memory", "gdb")
"""Not in the stages after the first."""


def wants_trace(spec: Spec) -> bool:
    """Whether perf is to run with rights of its own: only where it is asked for by name."""
    return any(one.name == "perf" for one in spec.probes)


def keeps_last_words(spec: Spec, stage: Stage) -> bool:
    """Whether the stage's allocator writes a profile when its process ends."""
    return stage == "Tcmalloc" or (
        stage == "Jemalloc" and (spec.instrumentation.jemalloc or JemallocOptions()).prof_final
    )


def chosen(
    spec: Spec, step: CollectorStep, stage: Stage, *, first: bool, pause_limit_seconds: float, profiles: str
) -> dict[str, Options]:
    """The probes of one collector by name, each with its options.

    ``first``: whether it is the first stage. ``pause_limit_seconds``: the longest single stop that the target's liveness
    probe forgives. ``profiles``: where an allocator writes its profiles in the target.
    """
    asked: dict[str, ProbeRequest] = {one.name: one for one in spec.probes}
    if step == "Trace":
        return {"perf": _options("perf", asked.get("perf"), pause_limit_seconds)}
    if step == "Final":
        return {ALLOCATORS[stage]: {"directory": profiles}} if stage in ALLOCATORS else {}
    found: dict[str, Options] = {}
    for probe in PROBES:
        if probe.derived_from is None and _runs(probe.name, probe.level, spec, stage, first=first):
            found[probe.name] = _options(probe.name, asked.get(probe.name), pause_limit_seconds)
    if stage in ALLOCATORS:
        found[ALLOCATORS[stage]] = {"directory": profiles}
    return found


def _runs(name: str, level: Intrusion, spec: Spec, stage: Stage, *, first: bool) -> bool:
    if level == "Restart" or not allows(spec.intrusion, level):
        return False
    named = any(one.name == name for one in spec.probes)
    if name in _ONLY_ONCE and not first:
        return False
    if name == "nativemem" and stage in ALLOCATORS:
        return False
    if name == "perf" and named:
        return False
    return name != "gdb" or named or spec.intrusion == "Pause"


def _options(name: str, asked: ProbeRequest | None, pause_limit_seconds: float) -> Options:
    options: Options = {"pause_limit_seconds": pause_limit_seconds} if name == "gdb" else {}
    if asked is None:
        return options
    if asked.malloc_info is not None:
        options |= {"trim": asked.malloc_info.trim, "gc": asked.malloc_info.gc}
    if asked.nativemem is not None:
        options["interval_bytes"] = parse_quantity(asked.nativemem.interval)
    if asked.perf is not None:
        options["duration_seconds"] = parse_duration(asked.perf.duration)
    regions = asked.memory or asked.gdb
    if regions is not None:
        options["regions"] = regions.regions
    return options
