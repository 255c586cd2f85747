"""Trials: the same application under one change, compared with the growth without it. Pure.

A change that stops the growth tells what it was: fewer arenas or a periodic trim stop what glibc keeps, another allocator
too; a limit of direct memory stops direct buffers. A change that leaves it as it was acquits. What is compared is the
anonymous memory of the process outside its heap, for that needs no NMT and hides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import open_case, ordered
from offheap.diagnosis.growth import MIN_SAMPLES, Growth
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.words import rate, share_of, span
from offheap.evidence.sample import Evidence

FELL_TO = 0.4
"""The growth under the change is at most this part of the growth without it: the change removes most of it."""
STAYED_AT = 0.7
"""From this part on the change made no difference; applications do not do the same work twice. Between both it is open."""
_SURE = 0.2
"""Falling to this part is beyond what two runs of one application differ by."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one trial changes, in words; the kind that it shows by stopping the growth; and what to do then."""

    words: str
    kind: VerdictKind
    shows: str
    acquits: str
    recommendation: str
    owner: str | None = None
    denies: bool = True
    """A growth that stays speaks against the kind even where another witness shows it."""


_KEEP = "Keep the change: {words}."
CHANGES = {
    "ArenaMax": Change(
        "MALLOC_ARENA_MAX=2",
        VerdictKind.GLIBC_RETENTION,
        "glibc kept what the program freed, in too many arenas",
        "fewer arenas do not stop it: it is in use, or there are as many holes in few arenas",
        _KEEP,
        "glibc malloc",
        denies=False,
    ),
    "TrimNativeHeap": Change(
        "-XX:TrimNativeHeapInterval=5000",
        VerdictKind.GLIBC_RETENTION,
        "glibc kept what the program freed, and a trim gives it back",
        "a trim gives nothing back, so it is in use",
        _KEEP,
        "glibc malloc",
    ),
    "Jemalloc": Change(
        "jemalloc in glibc's place",
        VerdictKind.GLIBC_RETENTION,
        "glibc kept what the program freed; jemalloc gives it back",
        "another allocator holds it too, so it is in use",
        "Start the JVM with jemalloc (LD_PRELOAD), or keep glibc with MALLOC_ARENA_MAX=2.",
        "glibc malloc",
    ),
    "Tcmalloc": Change(
        "tcmalloc in glibc's place",
        VerdictKind.GLIBC_RETENTION,
        "glibc kept what the program freed; tcmalloc does not",
        "another allocator holds it too, so it is in use",
        "Keep glibc with MALLOC_ARENA_MAX=2, or use another allocator.",
        "glibc malloc",
    ),
    "MaxDirectMemorySize": Change(
        "-XX:MaxDirectMemorySize",
        VerdictKind.DIRECT_BUFFERS,
        "it is NIO's direct buffers, which the limit bounds",
        "the limit does not bound it, so it is not NIO's direct buffers (or they stay below it)",
        "Keep a limit that the application can live with, and find who keeps the buffers: beyond it allocations fail with an "
        "OutOfMemoryError.",
    ),
    "NettyUnpooled": Change(
        "-Dio.netty.allocator.type=unpooled",
        VerdictKind.DIRECT_BUFFERS,
        "it is the memory that Netty's pooled allocator holds",
        "Netty's pool is not what grows",
        "Bound Netty's pool (-Dio.netty.allocator.numDirectArenas, -Dio.netty.allocator.maxOrder), or release buffers sooner.",
        "io.netty.buffer.PooledByteBufAllocator",
    ),
}
"""The trials of spec.instrumentation.trials, and the allocators, by the names of their stages."""


def compare(baseline: Evidence, trial: Evidence, name: str) -> Finding:
    """What one trial says. Fail: the change stops the growth, which shows the kind. Pass: it makes no difference, which
    acquits the kind. Warn: nothing can be told, or only a part. Never raises; of an unknown name nothing can be told."""
    change = CHANGES.get(name) or Change(name, VerdictKind.INCONCLUSIVE, "", "", "")
    before, floor = _growth(baseline)
    after, _ = _growth(trial)
    sources = _sources(trial, name)
    if name not in CHANGES:
        return _finding(change, Outcome.WARN, Confidence.LOW, "it is not known what a difference means", sources)
    if before is None or after is None or min(before.samples, after.samples) < MIN_SAMPLES:
        return _finding(change, Outcome.WARN, Confidence.LOW, "too few samples to compare", sources)
    if not before.grows(floor):
        return _finding(
            change, Outcome.WARN, Confidence.LOW, "without it nothing went on growing, so it says nothing", sources
        )
    words = (
        f"growth went from {rate(before.slope)} ({span(before.seconds)}) to {rate(after.slope)} ({span(after.seconds)})"
    )
    part = max(0.0, after.slope) / before.slope
    is_apart = after.high < before.low
    if part <= FELL_TO and is_apart:
        sure = Confidence.HIGH if part <= _SURE else Confidence.MEDIUM
        found = _finding(change, Outcome.FAIL, sure, f"{words}: {change.shows}", sources)
        return replace(
            found,
            growth_bytes_per_hour=(before.slope - max(0.0, after.slope)) * 3600,
            recommendation=change.recommendation.format(words=change.words),
            owner=change.owner,
            share=1 - part,
        )
    if part >= STAYED_AT:
        return _finding(change, Outcome.PASS, Confidence.MEDIUM, f"{words}: {change.acquits}", sources)
    return _finding(
        change, Outcome.WARN, Confidence.LOW, f"{words}, to {share_of(part)} of it: a part of it, or chance", sources
    )


def _growth(evidence: Evidence) -> tuple[Growth | None, float]:
    """Growth of the anonymous memory outside the heap, and the noise floor."""
    whole = ordered(evidence)
    if not whole.samples:
        return None, 0.0
    case = open_case(whole)
    return case.anonymous, case.floor_bytes


def _finding(change: Change, outcome: Outcome, confidence: Confidence, what: str, sources: tuple[str, ...]) -> Finding:
    return Finding(
        kind=change.kind,
        outcome=outcome,
        confidence=confidence,
        growth_bytes_per_hour=None,
        message=f"With {change.words}, {what}.",
        recommendation="None." if outcome is Outcome.PASS else "A longer sampling.duration compares more surely.",
        evidence=sources,
    )


def _sources(trial: Evidence, name: str) -> tuple[str, ...]:
    last = next((sample.source("smaps/") for sample in reversed(trial.samples) if sample.source("smaps/")), None)
    return (f"{name}:{last}",) if last else ()
