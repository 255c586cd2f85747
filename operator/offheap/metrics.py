"""What the operator counts, on :8080/metrics. Labels are bounded: no names of pods, no UIDs."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

FINISHED = Counter(
    "offheap_investigations_finished_total", "Investigations that ended, by phase and verdict.", ["phase", "verdict"]
)
ACTIVE = Gauge("offheap_investigations_active", "Investigations that have begun and not ended.")
PROBES = Counter("offheap_probe_outcomes_total", "What became of probes.", ["probe", "state", "reason"])
API_WRITES = Counter("offheap_api_writes_total", "Writing requests to the apiserver.", ["resource", "verb"])
STEP_SECONDS = Histogram(
    "offheap_step_duration_seconds",
    "How long one step took.",
    ["step"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STEP_FAILURES = Counter(
    "offheap_step_failures_total", "Steps that failed and were tried again, by kind of error.", ["error"]
)
COLLECTOR_PEAK = Histogram(
    "offheap_collector_peak_bytes",
    "Most memory that a collector used in its target's pod.",
    buckets=tuple(n * 1024 * 1024 for n in (4, 8, 12, 16, 24, 32, 64, 128)),
)
COLLECTOR_PAUSE = Histogram(
    "offheap_collector_pause_seconds",
    "How long a collector stopped its target in all (an upper bound).",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
)
