"""A run of the collector as a person would have collected it: a file for each text, in any of the ways that people name them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from offheap.evidence.stream import Stream, read_stream
from offheap.offline.pieces import Source

RUNS = Path(__file__).parents[2] / "fixtures" / "runs"
_NAMES = {
    ("nmt", "baseline"): "nmt",
    ("nmt", "summary"): "nmt",
    ("nmt", "summary.diff"): "nmt",
    ("smaps", "smaps"): "smaps",
    ("process", "status"): "status",
    ("jvm", "heap_info"): "heap",
    ("malloc-info", "info"): "malloc",
}


@cache
def stream(run: str) -> Stream:
    return read_stream((RUNS / f"{run}.ndjson").read_text().splitlines())


def by_hand(run: str, *, timed: bool = True, without: Collection[str] = ()) -> list[Source]:
    """The run's texts as files. With `timed` a file's name tells the second in which it was taken, else its number only."""
    sources: list[Source] = []
    for record in stream(run).evidence:
        if record.sample is None or not record.data:
            continue
        stamp = str(int(record.at)) if timed else str(record.sample)
        name = _NAMES.get((record.probe, record.name))
        if record.probe == "cgroup" and isinstance(record.data, dict) and "cgroup" not in without:
            for member, text in record.data["files"].items():
                sources.append(
                    Source(f"{stamp}/{member}", text.encode(), 1.0)
                    if not timed
                    else Source(f"{member}-{stamp}", text.encode())
                )
        elif name and name not in without and isinstance(record.data, str):
            sources.append(Source(f"{name}-{stamp}.txt", record.data.encode(), 1.0))
        elif (
            (record.probe, record.name) == ("malloc-info", "trim")
            and isinstance(record.data, dict)
            and "trim" not in without
        ):
            before, after = (record.data[f"rss_{when}_bytes"] for when in ("before", "after"))
            text = f"Trim native heap: RSS+Swap: {before}B->{after}B (-{max(0, before - after)}B)\n"
            sources.append(Source(f"trim-{stamp}.txt", text.encode(), 1.0))
    return sources
