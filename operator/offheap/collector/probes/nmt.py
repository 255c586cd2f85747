"""Native memory tracking: the JVM's own account of what it allocated outside the heap, and since the baseline.

There is one baseline a JVM, and a second overwrites it, so it is taken once, at the first instant. `shutdown` is never
sent: on JDK 8 it ends the tracking for good.
"""

from __future__ import annotations

from offheap.collector.outcome import Skip
from offheap.collector.plan import Plan
from offheap.collector.text import Text
from offheap.collector.visit import FIRST, LATER, Take, Taken, Visit


def take_baseline(visit: Visit) -> Taken:
    text, pause = _ask(visit, "baseline")
    if "succeeded" not in text.head and "taken" not in text.head:
        raise Skip("BaselineFailed", f"no baseline could be taken: {text.head.strip()[-200:]}")
    return Taken(text, pause)


def take_summary(visit: Visit) -> Taken:
    return Taken(*_ask(visit, "summary"))


def take_summary_diff(visit: Visit) -> Taken:
    return Taken(*_ask(visit, "summary.diff"))


def take_detail_diff(visit: Visit) -> Taken:
    if visit.jvm.nmt == "summary":
        raise Skip("NmtNotDetail", "NMT runs at level summary; call sites need -XX:NativeMemoryTracking=detail")
    return Taken(*_ask(visit, "detail.diff"))


def _ask(visit: Visit, what: str) -> tuple[Text, float]:
    if visit.jvm.nmt == "off":
        raise Skip("NmtOff", "the JVM runs without NMT: -XX:NativeMemoryTracking=summary turns it on at its next start")
    return visit.attach.jcmd(f"VM.native_memory {what}")


def _wanted(plan: Plan) -> bool:
    return plan.nmt != "off"


def _detail_wanted(plan: Plan) -> bool:
    return plan.nmt == "detail"


TAKES = (
    Take("nmt", "baseline", FIRST, take_baseline, costly=True, wanted=_wanted),
    Take("nmt", "summary", FIRST, take_summary, costly=True, wanted=_wanted),
    Take("nmt", "summary.diff", LATER, take_summary_diff, costly=True, wanted=_wanted),
    Take("nmt", "detail.diff", LATER, take_detail_diff, costly=True, bulk=True, wanted=_detail_wanted),
)
