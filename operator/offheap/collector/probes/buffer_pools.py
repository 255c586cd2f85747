"""What the JVM counts of its direct and mapped buffers, and Netty of its own, by an agent that is loaded and answers.

No port is opened, and a JRE is enough. The agent is loaded anew each time: it starts nothing that would have to be stopped.
It bears the same name each time, because the JVM adds it to its class path, and takes no name twice.

From JDK 21 on the JVM writes a warning of four lines to its stderr at every load of an agent, unless it runs with
-XX:+EnableDynamicAgentLoading. There the counters are taken at both ends and no more than once a minute between.
"""

from __future__ import annotations

import json
import os

from offheap.collector.options import is_on
from offheap.collector.outcome import Skip
from offheap.collector.plan import Plan
from offheap.collector.target_tmp import PATH, TargetTmp, target_tmp
from offheap.collector.text import short
from offheap.collector.visit import ALWAYS, Take, Taken, Visit

JAR = "/opt/offheap/buffer-pools.jar"
_NAME = ".offheap-buffer-pools.jar"
_ANSWER = ".offheap-buffer-pools.json"
_MOST_BYTES = 64 << 10
_WARNS_FROM_JDK = 21
_BETWEEN_WARNINGS_SECONDS = 60.0
_PAUSE_SECONDS = 0.0001
"""One safepoint, 0.02 to 0.05 ms at the first load with -Xlog:safepoint on 17.0.15 and 25.0.3, none at the others."""
_MEMORY_BYTES = 14 << 20
"""The first load: 4.2 MiB on 17.0.15, 12 MiB on 25.0.3, classes and garbage in the heap; 0.1 MiB at the others."""


def take_pools(visit: Visit) -> Taken:
    if visit.attach.refusal:
        raise visit.attach.refusal
    notes = visit.notes.setdefault("buffer-pools", {})
    if "refusal" in notes:
        raise notes["refusal"]
    if not _is_time(visit, notes.get("at")):
        return Taken(None)
    notes["at"] = visit.clock.elapsed_seconds
    try:
        data = _parsed(_ask(visit, target_tmp(visit)))
    except Skip as skip:
        # A JVM that could not load it once will not the next time, and may say so in its log again.
        notes["refusal"] = skip
        raise
    visit.meter.note_pause(_PAUSE_SECONDS)
    return Taken(data, _PAUSE_SECONDS)


def _is_time(visit: Visit, last: float | None) -> bool:
    options = visit.jvm.identity.get("options")
    silent = visit.jvm.feature < _WARNS_FROM_JDK or is_on(
        options if isinstance(options, list) else [], "EnableDynamicAgentLoading"
    )
    return silent or visit.last or last is None or visit.clock.elapsed_seconds - last >= _BETWEEN_WARNINGS_SECONDS


def _ask(visit: Visit, tmp: TargetTmp) -> bytes:
    try:
        tmp.copy(JAR, _NAME, 0o600)
        fd = tmp.make(_ANSWER, 0o600)
        try:
            visit.attach.load("instrument", absolute=False, options=f"{PATH}/{_NAME}={PATH}/{_ANSWER}")
            return os.pread(fd, _MOST_BYTES, 0)
        finally:
            os.close(fd)
    finally:
        tmp.remove(_ANSWER)
        tmp.remove(_NAME)


def _parsed(answer: bytes) -> dict[str, object]:
    try:
        data = json.loads(answer)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Skip(
            "AgentSilent", f"the agent was loaded and did not answer: {short(answer, 100) or 'nothing was written'}"
        )
    if "error" in data:
        raise Skip(
            "ModuleMissing",
            f"the agent could not read the counters ({short(str(data['error']), 200)}): the runtime image needs the "
            "modules java.instrument and java.management",
        )
    return data


def forget(visit: Visit) -> None:
    """What an unfinished load may have left."""
    try:
        tmp = target_tmp(visit)
    except Skip:
        return
    tmp.remove(_ANSWER)
    tmp.remove(_NAME)


def asked_for(plan: Plan) -> bool:
    """Only by name: it loads code into the JVM."""
    return plan.probes is not None


TAKES = (
    Take(
        "buffer-pools",
        "pools",
        ALWAYS,
        take_pools,
        wanted=asked_for,
        memory_bytes=_MEMORY_BYTES,
        pause_seconds=_PAUSE_SECONDS,
        undo=forget,
    ),
)
