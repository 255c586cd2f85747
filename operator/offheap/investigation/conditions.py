"""Conditions by the Kubernetes conventions: all of them are there from the first visit, and a time moves only with a status.

kstatus reads Reconciling, Stalled and Ready: running is Reconciling=True with Ready=Unknown, finished is Ready=True (also
when nothing leaks), a terminal failure is Stalled=True with Ready=False.
"""

from __future__ import annotations

from datetime import datetime

from offheap.api.v1alpha1 import Condition, Status
from offheap.api.words import ConditionStatus

TYPES = (
    "Accepted",
    "TargetResolved",
    "Instrumented",
    "EvidenceCollected",
    "ArtifactsStored",
    "Restored",
    "Succeeded",
    "Ready",
    "Reconciling",
    "Stalled",
)


def initial(generation: int, now: datetime) -> tuple[Condition, ...]:
    """Every condition, unknown yet."""
    return tuple(
        Condition(
            type=kind,
            status="Unknown",
            reason="NotYetKnown",
            last_transition_time=now,
            observed_generation=generation,
        )
        for kind in TYPES
    )


def with_condition(
    status: Status, kind: str, value: ConditionStatus, reason: str, message: str, now: datetime
) -> Status:
    """The status with one condition set; its lastTransitionTime moves only when its status does."""
    old = condition(status, kind)
    kept = old.last_transition_time if old is not None and old.status == value else now
    new = Condition(
        type=kind,
        status=value,
        reason=reason,
        message=message,
        last_transition_time=kept,
        observed_generation=status.observed_generation,
    )
    rest = [c for c in status.conditions if c.type != kind]
    ordered = sorted([*rest, new], key=lambda c: TYPES.index(c.type) if c.type in TYPES else len(TYPES))
    return status.model_copy(update={"conditions": tuple(ordered)})


def condition(status: Status, kind: str) -> Condition | None:
    """The condition of this type."""
    return next((c for c in status.conditions if c.type == kind), None)


def running(status: Status, reason: str, message: str, now: datetime) -> Status:
    """Under way, as kstatus wants it said."""
    status = with_condition(status, "Ready", "Unknown", reason, message, now)
    status = with_condition(status, "Reconciling", "True", reason, message, now)
    status = with_condition(status, "Stalled", "False", reason, "", now)
    return with_condition(status, "Succeeded", "Unknown", reason, message, now)


def finished(status: Status, reason: str, message: str, now: datetime, *, failed: bool) -> Status:
    """At the end, as kstatus wants it said."""
    ended: ConditionStatus = "False" if failed else "True"
    status = with_condition(status, "Ready", ended, reason, message, now)
    status = with_condition(status, "Reconciling", "False", reason, "", now)
    status = with_condition(status, "Stalled", "True" if failed else "False", reason, message if failed else "", now)
    return with_condition(status, "Succeeded", ended, reason, message, now)
