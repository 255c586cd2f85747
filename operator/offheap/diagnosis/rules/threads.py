"""Threads that are started and never end: stacks grow, and so does the number of threads."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

_SHARE = 0.3
"""Lower than for other kinds, for the number of threads is a second sign; a thread also takes kernel memory and malloc
arenas with it."""
_MIN_NEW_THREADS = 8
"""Pools of a dozen threads fill while an application starts; what counts is that the number goes on growing."""
_FOLLOWS = (balance.KERNEL, balance.OTHER_NMT, balance.OUTSIDE_NMT, balance.MALLOC)


def judge(case: Case) -> Finding | None:
    count = case.thread_count
    more_threads = None if count is None else count.rise >= _MIN_NEW_THREADS
    if more_threads is False:
        return None
    growth = case.rows.get(balance.THREADS)
    suspicion = case.suspect(growth, share=_SHARE, follows=_FOLLOWS, witnesses=[more_threads])
    if suspicion is None:
        return None
    stem = growing_stem(case)
    stem_text = f", most of them named `{stem}`" if stem else ""
    number = "" if count is None else f"; {count.rise:.0f} more threads{stem_text}"
    return suspicion.finding(
        VerdictKind.THREADS,
        f"Thread stacks and structures grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}{number}. "
        f"{meaning('Thread')}",
        f"Find who starts {f'`{stem}`' if stem else 'them'} and shut executors down (ExecutorService.shutdown or close), "
        "bound the pools, or use virtual threads. -Xss (or -XX:ThreadStackSize) only makes each stack smaller. "
        f"{options('Thread')}",
        case.sources("nmt", "smaps/smaps", "jvm/threads", "process/status"),
        owner=stem,
    )


def growing_stem(case: Case) -> str | None:
    """The thread name, digits struck out, whose number grew most; with one reading only, the most frequent."""
    readings = [sample.threads for sample in case.samples if sample.threads]
    if not readings:
        return None
    first = dict(readings[0].stems) if len(readings) > 1 else {}
    gains = [(number - first.get(stem, 0), stem) for stem, number in readings[-1].stems]
    gain, stem = max(gains, default=(0, ""))
    return stem if gain >= _MIN_NEW_THREADS else None
