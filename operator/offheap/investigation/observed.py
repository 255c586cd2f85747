"""What one pass sees of the cluster before it plans. Plain values; reading them is the cluster room's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offheap.api.v1alpha1 import MemoryInvestigation
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.stream import Stream
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]
NOTHING_SAID = Stream()
FINALIZER = "offheap.dev/restore"


@dataclass(frozen=True)
class Observed:
    """``workload``: the target as it is now, None when there is none of that name.

    ``pods``: the workload's pods. ``pod``: the pod under investigation with the UID on record, None when it is gone.
    ``stream``: what the newest collector said so far. ``ahead``: name of the investigation of the same target that
    has to end before this one may begin. ``identity``: the JVM as the newest collector that takes samples found it.
    """

    workload: Workload | None = None
    pods: tuple[Json, ...] = ()
    pod: Json | None = None
    stream: Stream = NOTHING_SAID
    ahead: str | None = None
    identity: JvmIdentity | None = None


def holds(inv: MemoryInvestigation) -> bool:
    """Whether our finalizer is on the object."""
    return FINALIZER in (inv.metadata.get("finalizers") or [])


def ahead_of(inv: MemoryInvestigation, others: tuple[MemoryInvestigation, ...]) -> str | None:
    """The investigation of the same target that goes first: one that has begun, else an older one that may begin.

    One that is being deleted and that we have let go does nothing any more, however long a finalizer of others keeps it.
    Age is the apiserver's creationTimestamp, then the UID, so that every reader sees the same order.
    """

    def age(one: MemoryInvestigation) -> tuple[str, str]:
        return str(one.metadata.get("creationTimestamp", "")), one.uid

    same = [
        o
        for o in others
        if o.uid != inv.uid
        and not o.is_finished
        and (o.spec.target.kind, o.spec.target.name) == (inv.spec.target.kind, inv.spec.target.name)
    ]
    begun = [o for o in same if o.status.phase not in (None, "Pending") and (not o.is_deleted or holds(o))]
    older = [o for o in same if not o.spec.suspend and not o.spec.cancel and not o.is_deleted and age(o) < age(inv)]
    first = min(begun or older, key=age, default=None)
    return None if first is None else first.name
