"""Any other NMT category that grows: symbols, flight recorder, monitors, agents, and names that are not known yet."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size

_HAVE_THEIR_OWN_RULE = frozenset(
    {"Java Heap", "Thread", "Class", "Metaspace", "Code", "GC", "GCCardSet", "Compiler", "JVMCI", "Arena Chunk"}
    | {"Shared class space", "Native Memory Tracking"}
)
_ADVICE = {
    "Symbol": "Do not intern unbounded strings (String.intern): a map of your own with a bound does the same.",
    "Internal": "Look at agents and JVMTI (-javaagent, -agentpath) first.",
    "Tracing": "Stop or bound the flight recording (jcmd PID JFR.check, JFR.stop).",
    "Object Monitors": "Many objects are locked by several threads at once; -XX:MonitorUsedDeflationThreshold and a "
    "newer JDK help.",
    "Logging": "Asynchronous logging buffers: -XX:AsyncLogBufferSize.",
}


def judge(case: Case) -> Finding | None:
    report = next((sample.nmt for sample in reversed(case.samples) if sample.nmt), None)
    if report is None:
        return None
    skipped = _HAVE_THEIR_OWN_RULE | {balance.direct_category(report)}
    candidates = [(growth.rise, name) for name, growth in case.categories.items() if name not in skipped]
    _, name = max(candidates, default=(0.0, ""))
    suspicion = case.suspect(case.categories.get(name), follows=[balance.OTHER_NMT])
    if suspicion is None:
        return None
    return suspicion.finding(
        VerdictKind.OTHER_NMT_CATEGORY,
        f"NMT's {name} grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}. {meaning(name)}",
        f"{_ADVICE.get(name, 'Level Detail of Native Memory Tracking names the call sites.')} {options(name)}",
        case.sources("nmt"),
        owner=name,
    )
