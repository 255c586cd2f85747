"""What the JVM says of its own parts: heap at every instant, metaspace and class loaders at both ends, thread names.

Thread names come from /proc, not from Thread.print, which would stop the JVM. They carry user data now and then
(a request's id), so only stems leave: digits struck out, the rarest dropped.
"""

from __future__ import annotations

import re

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.visit import ALWAYS, EDGES, Take, Taken, Visit

_DIGITS = re.compile(r"\d+")
_MOST_STEMS = 200
_KERNEL_NAME_BYTES = 15


def take_threads(visit: Visit) -> Taken:
    pid = visit.jvm.target.pid
    try:
        return Taken(stems(list(visit.proc.thread_names(pid))))
    except OSError:
        raise permission_denied(f"/proc/{pid}/task") from None


def stems(names: list[str]) -> dict[str, object]:
    """How many threads bear each name when its digits are taken away; beyond 200 stems the rest is one, "other"."""
    counts: dict[str, int] = {}
    cut: set[str] = set()
    for name in names:
        stem = _DIGITS.sub("#", name)
        counts[stem] = counts.get(stem, 0) + 1
        if len(name.encode()) >= _KERNEL_NAME_BYTES:
            cut.add(stem)
    ranked = _ranked(counts)
    kept = _joined(dict(ranked[:_MOST_STEMS]), cut)
    if rest := sum(count for _, count in ranked[_MOST_STEMS:]):
        kept["other"] = kept.get("other", 0) + rest
    return {"count": len(names), "stems": dict(_ranked(kept))}


def _joined(counts: dict[str, int], cut: set[str]) -> dict[str, int]:
    """The kernel cuts names, so "pool-9-thread-1" and "pool-10-thread-1" differ at their ends: a stem that was cut goes to
    the commonest of those that continue it."""
    for stem in sorted(cut & counts.keys(), key=len, reverse=True):
        longer = [other for other in counts if other != stem and other.startswith(stem)]
        if longer:
            counts[max(longer, key=lambda other: counts[other])] += counts.pop(stem)
    return counts


def _ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def take_heap_info(visit: Visit) -> Taken:
    return Taken(*visit.attach.jcmd("GC.heap_info"))


def take_metaspace(visit: Visit) -> Taken:
    if 0 < visit.jvm.feature < 10:
        raise Skip("JdkTooOld", "VM.metaspace came with JDK 10; the class loader statistics are there")
    return Taken(*visit.attach.jcmd("VM.metaspace"))


def take_classloader_stats(visit: Visit) -> Taken:
    return Taken(*visit.attach.jcmd("VM.classloader_stats"))


TAKES = (
    Take("jvm", "threads", EDGES, take_threads),
    Take("jvm", "heap_info", ALWAYS, take_heap_info, costly=True),
    Take("jvm", "metaspace", EDGES, take_metaspace, costly=True),
    Take("jvm", "classloader_stats", EDGES, take_classloader_stats, costly=True),
)
