"""`offheap.dev/v1alpha1`: the resource as a whole, and the one place to import its parts from."""

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from offheap.api.fields import STORED, rule, rules
from offheap.api.spec import CHANGEABLE, Budget, Instrumentation, ProbeRequest, Sampling, Spec, Target
from offheap.api.status import (
    Artifact,
    Balance,
    BalanceRow,
    CollectorStatus,
    Condition,
    EnvironmentVariable,
    FindingStatus,
    InstrumentationStatus,
    Jvm,
    Outcome,
    PodStatus,
    ProbeStatus,
    StageStatus,
    Status,
    TargetStatus,
    VerdictStatus,
)
from offheap.api.words import TERMINAL, Intrusion, Phase, allows

GROUP = "offheap.dev"
VERSION = "v1alpha1"
KIND = "MemoryInvestigation"
PLURAL = "memoryinvestigations"


def _unchanged(field: str, *, optional: bool) -> str:
    new, old = f"self.spec.{field}", f"oldSelf.spec.{field}"
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})" if optional else f"{new} == {old}"


def _spec_is_locked() -> str:
    """CEL: of a started investigation only the `CHANGEABLE` fields may change. A rule on the spec alone could not see
    the phase."""
    fixed = (
        _unchanged(info.alias or name, optional=info.default in (None, ()))
        for name, info in Spec.model_fields.items()
        if info.alias not in CHANGEABLE
    )
    return f"!has(oldSelf.status) || !has(oldSelf.status.phase) || ({' && '.join(fixed)})"


class MemoryInvestigation(BaseModel):
    """One investigation of the memory that a JVM workload uses outside the Java heap:
    what grows, how fast, who allocates it, how sure that is, and what to do. The workload is afterwards as it was."""

    model_config = STORED | {
        "json_schema_extra": rules(
            rule(
                "self.metadata.name.size() <= 63",
                "the name must not be longer than 63 characters: it is used as a label",
                reason="FieldValueInvalid",
            ),
            rule(
                _spec_is_locked(),
                "the investigation has started: only suspend, cancel and ttlAfterFinished may change;"
                " create another investigation instead",
                reason="FieldValueForbidden",
                fieldPath=".spec",
            ),
            rule(
                "!has(oldSelf.status) || !has(oldSelf.status.phase) || has(self.status) && has(self.status.phase)",
                "the phase cannot be taken away again: it holds the spec fixed",
                reason="FieldValueForbidden",
                fieldPath=".status",
            ),
        )
    }

    api_version: Literal["offheap.dev/v1alpha1"] = "offheap.dev/v1alpha1"
    kind: Literal["MemoryInvestigation"] = "MemoryInvestigation"
    metadata: dict[str, Any]
    spec: Spec
    """What to investigate and how far to go. Fixed once the investigation has started, except suspend, cancel and
    ttlAfterFinished."""
    status: Status = Field(default_factory=Status)
    """What the operator knows and did. Written by the operator only."""

    @field_validator("status", mode="before")
    @classmethod
    def _absent_is_empty(cls, status: object) -> object:
        return {} if status is None else status

    @property
    def name(self) -> str:
        """metadata.name"""
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        """metadata.namespace"""
        return str(self.metadata["namespace"])

    @property
    def uid(self) -> str:
        """metadata.uid"""
        return str(self.metadata["uid"])

    @property
    def generation(self) -> int:
        """metadata.generation: grows with the spec, and once more on deletion while a finalizer holds the object."""
        return int(self.metadata["generation"])

    @property
    def is_deleted(self) -> bool:
        """Whether the object is being deleted and only finalizers hold it."""
        return "deletionTimestamp" in self.metadata

    @property
    def is_finished(self) -> bool:
        """Whether the phase is final."""
        return self.status.phase in TERMINAL


def dump(status: Status) -> dict[str, Any]:
    """A status as the apiserver stores it: camelCase, without what is absent, empty or at its default. Equal dumps
    need no write."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


__all__ = [
    "GROUP",
    "KIND",
    "PLURAL",
    "TERMINAL",
    "VERSION",
    "Artifact",
    "Balance",
    "BalanceRow",
    "Budget",
    "CollectorStatus",
    "Condition",
    "EnvironmentVariable",
    "FindingStatus",
    "Instrumentation",
    "InstrumentationStatus",
    "Intrusion",
    "Jvm",
    "MemoryInvestigation",
    "Outcome",
    "Phase",
    "PodStatus",
    "ProbeRequest",
    "ProbeStatus",
    "Sampling",
    "Spec",
    "StageStatus",
    "Status",
    "Target",
    "TargetStatus",
    "VerdictStatus",
    "allows",
    "dump",
]
