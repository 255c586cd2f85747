"""malloc's own account of what it holds and what of that is free, and two experiments that change the target.

The experiments tell a leak from memory that is only not given back: a full collection frees what no live object refers to
any more (unclosed Deflaters, unreachable direct buffers), a trim returns what malloc keeps for itself. Both are done once,
after everything else, and only when the plan asks for them; what they gave back is the process's memory before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.plan import Plan
from offheap.collector.text import short
from offheap.collector.visit import EDGES, LAST, Take, Taken, Visit

_GC_SECONDS_A_GIB = 0.5
"""A full collection of 300 MiB of small live objects took 19 to 136 ms (11.0.32, 17.0.21, 21.0.13, 25.0.5; two processors)."""
_SETTLE_STEP_SECONDS = 0.25
_SETTLE_STEPS = 8
_SETTLED_BYTES = 1 << 20


class _Memory(NamedTuple):
    """Of the whole process, from smaps_rollup."""

    rss_bytes: int
    anonymous_bytes: int


def take_info(visit: Visit) -> Taken:
    if 0 < visit.jvm.feature < 21:
        raise Skip(
            "JdkTooOld",
            f"System.native_heap_info came with JDK 21, this is {visit.jvm.feature}; the experiment trim (mallocInfo.trim) "
            "tells what malloc keeps on older ones too",
        )
    _check_glibc(visit)
    text, pause = visit.attach.jcmd("System.native_heap_info")
    if "<malloc" not in text.head:
        raise Skip("NotGlibc", f"malloc tells nothing of itself: {short(text.head, 100)}")
    return Taken(text, pause)


def take_gc(visit: Visit) -> Taken:
    return _experiment(visit, "GC.run", _collect)


def take_trim(visit: Visit) -> Taken:
    if 0 < visit.jvm.feature < 11:
        raise Skip("JdkTooOld", f"System.trim_native_heap came with JDK 11, this is {visit.jvm.feature}")
    _check_glibc(visit)
    return _experiment(visit, "System.trim_native_heap", _trim)


def _experiment(visit: Visit, command: str, run: Callable[[Visit, str, _Memory], tuple[str, float]]) -> Taken:
    before = _measure(visit)
    answer, pause = run(visit, command, before)
    after = _settled(visit)
    return Taken(
        {
            "rss_before_bytes": before.rss_bytes,
            "rss_after_bytes": after.rss_bytes,
            "anonymous_before_bytes": before.anonymous_bytes,
            "anonymous_after_bytes": after.anonymous_bytes,
            "answer": answer,
        },
        pause,
    )


def _collect(visit: Visit, command: str, before: _Memory) -> tuple[str, float]:
    """The heap is anonymous memory for the most part, so that bounds how long its collection may take."""
    expected = before.anonymous_bytes / (1 << 30) * _GC_SECONDS_A_GIB
    left = visit.plan.pause_seconds - visit.meter.pause_seconds
    if expected > left:
        raise Skip(
            "PauseBudgetExceeded",
            f"{command} may stop the JVM for {expected:.1f} s, and of budget.pause {max(0.0, left):.3f} s are left: raise it",
        )
    text, pause = visit.attach.jcmd(command)
    if "disabled" in text.head:
        raise Skip("ExplicitGcDisabled", "the JVM runs with -XX:+DisableExplicitGC and collects only when it wants to")
    return short(text.head), pause


def _trim(visit: Visit, command: str, before: _Memory) -> tuple[str, float]:
    text, pause = visit.attach.jcmd(command)
    if "not available" in text.head.lower():
        raise Skip("NotGlibc", "the JVM's C library has no malloc_trim: only glibc keeps memory that it gives back")
    return short(text.head), pause


def _check_glibc(visit: Visit) -> None:
    """With another allocator in front, glibc would only tell of the little that went around it. Raises Skip."""
    allocator = visit.jvm.identity.get("allocator")
    if allocator != "glibc":
        raise Skip("NotGlibc", f"the process allocates by {allocator}, of which the JVM's commands tell nothing")


def _settled(visit: Visit) -> _Memory:
    """What a collection lets go is freed by threads of its own, so look until no more goes back, for 2 s at most."""
    memory = _measure(visit)
    for _ in range(_SETTLE_STEPS):
        visit.clock.wait_until(visit.clock.elapsed_seconds + _SETTLE_STEP_SECONDS)
        previous, memory = memory, _measure(visit)
        if previous.rss_bytes - memory.rss_bytes < _SETTLED_BYTES:
            break
    return memory


def _measure(visit: Visit) -> _Memory:
    pid = visit.jvm.target.pid
    values = {}
    try:
        for line in visit.proc.read(pid, "smaps_rollup", 16 << 10).split(b"\n"):
            name, _, rest = line.partition(b":")
            if name in (b"Rss", b"Anonymous"):
                values[name] = int(rest.split()[0]) << 10
        return _Memory(values[b"Rss"], values[b"Anonymous"])
    except OSError:
        raise permission_denied(f"/proc/{pid}/smaps_rollup") from None
    except KeyError:
        raise Skip("TargetExiting", "the process has no memory mapped any more") from None


def _wants_gc(plan: Plan) -> bool:
    return plan.option("malloc-info", "gc") is True


def _wants_trim(plan: Plan) -> bool:
    return plan.option("malloc-info", "trim") is True


TAKES = (Take("malloc-info", "info", EDGES, take_info, costly=True, pause_seconds=0.002),)
EXPERIMENTS = (
    Take("malloc-info", "gc", LAST, take_gc, costly=True, wanted=_wants_gc, pause_seconds=0.1),
    Take("malloc-info", "trim", LAST, take_trim, costly=True, wanted=_wants_trim, pause_seconds=0.1),
)
