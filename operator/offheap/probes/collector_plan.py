"""What the operator puts on the collector's command line. The collector's side is `offheap.collector.plan`."""

from __future__ import annotations

import json
from datetime import datetime

from offheap.api.v1alpha1 import MemoryInvestigation, PodStatus
from offheap.api.words import CollectorStep, allows

VERSION = 1
STREAM_BYTES = 8 << 20
"""Below the 10 MiB at which a kubelet rotates a container's log by default."""

_LOOK_SECONDS = 30.0
_IDENTIFY_SECONDS = 60.0
_SLACK_SECONDS = 60.0
"""A sampler's last set comes after the whole duration, and an attach may take 10 s of it to fail."""


def plan_json(
    investigation: MemoryInvestigation, step: CollectorStep, pod: PodStatus, asked_at: datetime | None = None
) -> str:
    """The plan of one step on one pod, as one word: the same for the same record, however often it is made.

    A collector takes no orders, so what is left until the investigation's deadline at ``asked_at`` bounds it from the start.
    """
    spec = investigation.spec
    target = None
    if pod.jvm is not None and pod.jvm.pid is not None and pod.jvm.start_time_ticks is not None:
        target = {"pid": pod.jvm.pid, "start_time_ticks": pod.jvm.start_time_ticks}
    deadline = {
        "Look": _LOOK_SECONDS,
        "Identify": _IDENTIFY_SECONDS,
        "Sample": spec.sampling.duration_seconds + _SLACK_SECONDS,
    }[step]
    if asked_at is not None and investigation.status.started_at is not None:
        gone = (asked_at - investigation.status.started_at).total_seconds()
        deadline = min(deadline, max(1.0, spec.deadline_seconds - gone))
    return json.dumps(
        {
            "version": VERSION,
            "investigation": f"{investigation.namespace}/{investigation.name}",
            "step": step.lower(),
            "deadline_seconds": deadline,
            "target": None if step == "Look" else target,
            "interval_seconds": spec.sampling.interval_seconds,
            "duration_seconds": spec.sampling.duration_seconds,
            "nmt": spec.instrumentation.nmt.lower(),
            "attach": allows(spec.intrusion, "Attach"),
            "budget": {
                "target_memory_bytes": spec.budget.target_memory_bytes,
                "pause_seconds": spec.budget.pause_seconds,
                "stream_bytes": STREAM_BYTES,
            },
        },
        separators=(",", ":"),
        sort_keys=True,
    )
