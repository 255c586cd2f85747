"""Classes that are loaded and never unloaded: leaked class loaders, or generated classes without end."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.growth import Growth
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size
from offheap.evidence.classloader_stats import LoaderType

_SHARE = 0.4
"""A leaked loader takes symbols, code, malloc and heap with it; measured share of the metaspace alone: 0.4 to 0.8."""
_MANY_LOADERS = 20
"""Of one class of loader; an application has a handful (measured: 1200 of a leaked one, 3 else)."""
_MANY_HIDDEN_CLASSES = 500
"""Beyond what lambdas and method handles of an ordinary application make."""
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
    leak = leaking_loader(case)
    classes = "" if case.class_count is None else f"; {case.class_count.rise:.0f} more classes"
    names = case.categories_of(balance.METASPACE_CATEGORIES)
    return suspicion.finding(
        VerdictKind.METASPACE,
        f"The metaspace (NMT {' and '.join(names)}) grew by {size(suspicion.growth.rise)}, "
        f"{rate(suspicion.growth.slope)}{classes}. {_loaders(leak)}{meaning(*names)}",
        "Many loaders of one class are a leaked class loader: find what still refers to them (a static field, a "
        "ThreadLocal, a thread, a registered driver or hook). One loader with ever more classes is generated code: "
        "cache proxies, scripts and lambdas. `jcmd PID VM.classloader_stats` shows which. -XX:MaxMetaspaceSize bounds "
        f"it, so that the JVM fails with an OutOfMemoryError instead of the container. {options(*names)}",
        case.sources("nmt", "jvm/classloader_stats", "jvm/metaspace", "jvm/heap_info"),
        owner=leak.type if leak else None,
    )


def leaking_loader(case: Case) -> LoaderType | None:
    """The class of loader that most live loaders are of, else the loader that holds most hidden classes; None when neither
    is remarkable or class loaders were not read."""
    stats = next((sample.classloaders for sample in reversed(case.samples) if sample.classloaders), None)
    if stats is None:
        return None
    types = stats.by_type()
    if types and types[0].loaders >= _MANY_LOADERS:
        return types[0]
    hidden = max(types, key=lambda each: each.hidden_classes, default=None)
    return hidden if hidden and hidden.hidden_classes >= _MANY_HIDDEN_CLASSES else None


def _loaders(leak: LoaderType | None) -> str:
    if leak is None:
        return ""
    if leak.loaders >= _MANY_LOADERS:
        return f"{leak.loaders} loaders of {leak.type} live, with {size(leak.chunk_bytes)} of it: a leak of class loaders. "
    return f"{leak.type} holds {leak.hidden_classes} hidden classes: generated code. "


def _more_classes(count: Growth | None) -> bool | None:
    return None if count is None else count.low > 0
