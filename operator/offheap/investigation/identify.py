"""What a collector's first evidence says of the target: which process, which JVM, and what the API shows of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offheap.api.quantity import format_bytes
from offheap.api.v1alpha1 import Jvm
from offheap.evidence.errors import EvidenceError
from offheap.evidence.identity import JvmIdentity, parse_identity
from offheap.evidence.stream import Stream
from offheap.investigation.instrumentation import JvmFacts
from offheap.investigation.problems import Problem

HOW_TO_MEND = {
    "NoJvm": "Name the container that runs the JVM in spec.target.container.",
    "AmbiguousJvm": "offheap investigates one JVM of a container; run one JVM in it, or investigate the others' own containers.",
}


@dataclass(frozen=True)
class FoundProcess:
    """The JVM's process as anybody may see it: whom the next collector has to run as."""

    pid: int
    user: int
    group: int
    has_capabilities: bool


def found_process(stream: Stream) -> FoundProcess | Problem | None:
    """From a Look: the one JVM, or why there is none; None while the collector has not said."""
    for record in stream.evidence:
        if record.name == "processes" and isinstance(record.data, Mapping):
            wanted = record.data.get("target_pid")
            rows = record.data.get("processes")
            for row in rows if isinstance(rows, list) and wanted is not None else []:
                if isinstance(row, Mapping) and row.get("pid") == wanted:
                    return _process(row)
    return _ended(stream)


def _process(row: Mapping[str, object]) -> FoundProcess | Problem:
    pid, user, group = (row.get(key) for key in ("pid", "uid", "gid"))
    if not (isinstance(pid, int) and isinstance(user, int) and isinstance(group, int)):
        return Problem("CollectorFailed", "the collector's list of processes is not as expected.")
    capabilities = str(row.get("cap_eff", "0")).strip("0")
    return FoundProcess(pid=pid, user=user, group=group, has_capabilities=bool(capabilities))


def found_identity(stream: Stream) -> JvmIdentity | Problem | None:
    """From an Identify or Sample: the JVM, or why there is none; None while the collector has not said."""
    for record in stream.evidence:
        if record.name == "identity":
            try:
                return parse_identity(record.data)
            except EvidenceError as error:
                return Problem("CollectorFailed", f"the collector's identity of the JVM is not as expected: {error}")
    return _ended(stream)


def _ended(stream: Stream) -> Problem | None:
    if stream.end is None:
        return None
    outcome = stream.end.outcome if stream.end.outcome != "Completed" else "CollectorFailed"
    help_text = HOW_TO_MEND.get(outcome, "See the collector's log: kubectl logs POD -c CONTAINER.")
    return Problem(outcome, f"{stream.end.message or 'the collector found nothing'}. {help_text}".replace("..", "."))


def jvm_status(identity: JvmIdentity) -> Jvm:
    """The JVM as the status shows it."""
    return Jvm(
        vm=identity.vm,
        vendor=identity.vendor,
        version=identity.version,
        pid=identity.pid,
        start_time_ticks=identity.start_time_ticks,
        gc=identity.gc,
        max_heap=None if identity.max_heap_bytes is None else format_bytes(identity.max_heap_bytes),
        nmt=identity.nmt,
    )


def facts(identity: JvmIdentity) -> JvmFacts | Problem:
    """What decides how NMT is switched on."""
    if identity.feature is None:
        return Problem(
            "UnknownJdk",
            f"the version of the JDK could not be read ({identity.version}), and what switches NMT on depends on it. "
            "Switch it on in the template yourself: -XX:NativeMemoryTracking=summary.",
        )
    return JvmFacts(
        feature=identity.feature,
        update=identity.update or 0,
        launcher=identity.exe.rsplit("/", 1)[-1] == "java",
        options=identity.options,
        variables_set=frozenset(identity.env_set),
    )
