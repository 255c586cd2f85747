"""Classes that are loaded and never unloaded: leaked class loaders, or generated classes without end."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

_SHARE = 0.4
"""A leaked loader takes symbols, code, malloc and heap with it; measured share of the metaspace alone: 0.4 to 0.8."""
_FOLLOWS = (
    balance.SYMBOLS,
    balance.CODE_CACHE,
    balance.OTHER_NMT,
    balance.SHARED_CLASSES,
    balance.OUTSIDE_NMT,
    balance.MALLOC,
)


def judge(case: Case) -> Finding | None:
    growth = case.rows.get(balance.METASPACE)
    suspicion = case.suspect(growth, share=_SHARE, follows=_FOLLOWS, witnesses=[_more_classes(case.class_count)])
    if suspicion is None:
        return None
    classes = "" if case.class_count is None else f"; {case.class_count.rise:.0f} more classes"
    names = case.categories_of(balance.METASPACE_CATEGORIES)
    return suspicion.finding(
        VerdictKind.METASPACE,
        f"The metaspace (NMT {' and '.join(names)}) grew by {size(suspicion.growth.rise)}, "
        f"{rate(suspicion.growth.slope)}{classes}. {meaning(*names)}",
        "Many loaders of one class are a leaked class loader: find what still refers to them (a static field, a "
        "ThreadLocal, a thread, a registered driver or hook). One loader with ever more classes is generated code: "
        "cache proxies, scripts and lambdas. `jcmd PID VM.classloader_stats` shows which. -XX:MaxMetaspaceSize bounds "
        f"it, so that the JVM fails with an OutOfMemoryError instead of the container. {options(*names)}",
        case.sources("nmt", "jvm/heap_info"),
    )


def _more_classes(count: Growth | None) -> bool | None:
    return None if count is None else count.low > 0
