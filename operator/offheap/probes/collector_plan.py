"""What the operator puts on the collector's command line. The collector's side is `offheap.collector.plan`."""

from __future__ import annotations

import json

from offheap.api.duration import parse_duration
from offheap.api.spec import PerfOptions, Spec
from offheap.api.v1alpha1 import CollectorStatus, MemoryInvestigation, PodStatus
from offheap.api.words import allows
from offheap.probes.choice import chosen

VERSION = 1
STREAM_BYTES = 8 << 20
"""Below the 10 MiB at which a kubelet rotates a container's log by default."""

_FINAL_SECONDS = 1200.0
"""It ends with its pod, which the next rollout or the restoring takes away, also after the investigation's deadline."""
_TRACE_SECONDS = 1.0
"""The recordings begin at once: there are no samples to take."""
_LOOK_SECONDS = 30.0
_IDENTIFY_SECONDS = 60.0
_SLACK_SECONDS = 120.0
"""A sampler's last set comes after the whole duration, and what is taken only then may need a minute of it."""
_MOST_PAUSE_SECONDS = 60.0


def plan_json(
    investigation: MemoryInvestigation,
    collector: CollectorStatus,
    pod: PodStatus,
    *,
    profiles: str = "",
    liveness_period_seconds: float | None = None,
) -> str:
    """The plan of one collector on one pod, as one word: the same for the same record, however often it is made.

    A collector takes no orders, so what is left until the investigation's deadline when it was asked for bounds it from the
    start. ``profiles``: where an allocator writes its profiles in the target.
    """
    spec, step, asked_at = investigation.spec, collector.step, collector.started_at
    target = None
    if pod.jvm is not None and pod.jvm.pid is not None and pod.jvm.start_time_ticks is not None:
        target = {"pid": pod.jvm.pid, "start_time_ticks": pod.jvm.start_time_ticks}
    duration, interval = spec.sampling.duration_seconds, spec.sampling.interval_seconds
    if step == "Trace":
        duration = interval = _TRACE_SECONDS
    deadline = {
        "Look": _LOOK_SECONDS,
        "Identify": _IDENTIFY_SECONDS,
        "Sample": duration + _SLACK_SECONDS,
        "Final": _FINAL_SECONDS,
        "Trace": duration + _trace_seconds(spec) + _SLACK_SECONDS,
    }[step]
    if step != "Final" and asked_at is not None and investigation.status.started_at is not None:
        gone = (asked_at - investigation.status.started_at).total_seconds()
        deadline = min(deadline, max(1.0, spec.deadline_seconds - gone))
    stage = collector.stage or "Baseline"
    begun = [one.name for one in investigation.status.stages if one.state != "Skipped"]
    return json.dumps(
        {
            "version": VERSION,
            "investigation": f"{investigation.namespace}/{investigation.name}",
            "step": step.lower(),
            "deadline_seconds": deadline,
            "target": None if step in ("Look", "Final") else target,
            "interval_seconds": interval,
            "duration_seconds": duration,
            "nmt": spec.instrumentation.nmt.lower(),
            "attach": allows(spec.intrusion, "Attach"),
            "probes": chosen(
                spec,
                step,
                stage,
                first=not begun or begun[0] == stage,
                pause_limit_seconds=min(liveness_period_seconds or _MOST_PAUSE_SECONDS, spec.budget.pause_seconds),
                profiles=profiles,
            ),
            "budget": {
                "target_memory_bytes": spec.budget.target_memory_bytes,
                "pause_seconds": spec.budget.pause_seconds,
                "stream_bytes": STREAM_BYTES,
            },
        },
        separators=(",", ":"),
        sort_keys=True,
    )


def _trace_seconds(spec: Spec) -> float:
    """Of both recordings."""
    options = next((one.perf for one in spec.probes if one.perf is not None), None) or PerfOptions()
    return 2 * parse_duration(options.duration)
