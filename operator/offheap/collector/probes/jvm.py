"""What the JVM says of its own parts: heap at every instant, metaspace, code cache and thread names at both ends, and once,
at the end, what stops it (class loaders) or is long (its map of all mappings).

The short form of VM.metaspace reads counters only, where the long one walks all loaders in a safepoint.

Thread names come from /proc, not from Thread.print, which would stop the JVM. They carry user data now and then
(a request's id), so only stems leave: digits struck out, the rarest dropped.
"""

from __future__ import annotations

import re

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.visit import ALWAYS, EDGES, LAST, Take, Taken, Visit

_DIGITS = re.compile(r"\d+")
_STACK_OF = re.compile(r"\b(STACK-\d+)-\S+")
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
    _need(visit, 11, "VM.metaspace basic", "the class loader statistics are there")
    return Taken(*visit.attach.jcmd("VM.metaspace basic"))


def take_codecache(visit: Visit) -> Taken:
    _need(visit, 9, "Compiler.codecache", "NMT's category Code tells how much it is")
    return Taken(*visit.attach.jcmd("Compiler.codecache"))


def take_classloader_stats(visit: Visit) -> Taken:
    return Taken(*visit.attach.jcmd("VM.classloader_stats"))


def take_compiler_memory(visit: Visit) -> Taken:
    return Taken(*visit.attach.jcmd("Compiler.memory")) if _may_have(visit, 22) else Taken(None)


def take_system_map(visit: Visit) -> Taken:
    if not _may_have(visit, 21):
        return Taken(None)
    return Taken(*visit.attach.jcmd("System.map", rewrite=_without_thread_names))


def _need(visit: Visit, feature: int, command: str, instead: str) -> None:
    """Raises Skip."""
    if not _may_have(visit, feature):
        raise Skip("JdkTooOld", f"{command} came with JDK {feature}, this is {visit.jvm.feature}; {instead}")


def _may_have(visit: Visit, feature: int) -> bool:
    """Not when the JDK is known to be older. A question in vain costs the target as much as any other."""
    return not 0 < visit.jvm.feature < feature


def _without_thread_names(lines: str) -> str:
    return _STACK_OF.sub(r"\1", lines)


TAKES = (
    Take("jvm", "threads", EDGES, take_threads),
    Take("jvm", "heap_info", ALWAYS, take_heap_info, costly=True),
    Take("jvm", "metaspace", EDGES, take_metaspace, costly=True),
    Take("jvm", "codecache", EDGES, take_codecache, costly=True),
    Take("jvm", "classloader_stats", LAST, take_classloader_stats, costly=True, pause_seconds=0.005),
    Take("jvm", "compiler_memory", LAST, take_compiler_memory, costly=True),
    Take("jvm", "system_map", LAST, take_system_map, costly=True, bulk=True),
)
