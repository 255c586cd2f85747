import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from offheap.api.v1alpha1 import (
    Balance,
    Condition,
    Intrusion,
    MemoryInvestigation,
    Outcome,
    Spec,
    Status,
    VerdictStatus,
    allows,
    dump,
)

TARGET = {"kind": "Deployment", "name": "orders"}
NOON = datetime(2026, 5, 1, 12, 0, 0, 987654, tzinfo=UTC)


def stored(**parts: Any) -> dict[str, Any]:
    return {
        "apiVersion": "offheap.dev/v1alpha1",
        "kind": "MemoryInvestigation",
        "metadata": {"name": "one", "namespace": "shop", "uid": "u-1", "generation": 3},
        "spec": {"target": TARGET},
        **parts,
    }


def test_the_smallest_investigation_has_every_default() -> None:
    one = MemoryInvestigation.model_validate(stored())
    spec = one.spec
    assert (spec.intrusion, spec.suspend, spec.cancel) == ("Attach", False, False)
    assert (spec.sampling.interval_seconds, spec.sampling.duration_seconds, spec.deadline_seconds) == (15, 600, 3600)
    assert (spec.budget.target_memory_bytes, spec.budget.pause_seconds) == (64 << 20, 0.5)
    assert (spec.instrumentation.nmt, spec.instrumentation.options_variable) == ("Summary", "Auto")
    assert spec.instrumentation.command_line is False
    assert (spec.ttl_after_finished_seconds, spec.requested_by, spec.target.container) == (None, None, None)
    assert (one.name, one.namespace, one.uid, one.generation) == ("one", "shop", "u-1", 3)
    assert not one.is_deleted
    assert not one.is_finished


def test_quantities_may_be_numbers() -> None:
    assert (
        Spec.model_validate({"target": TARGET, "budget": {"targetMemory": 1 << 24}}).budget.target_memory == "16777216"
    )


def test_an_unknown_field_of_the_spec_is_refused() -> None:
    with pytest.raises(ValidationError, match="restartsAllowed"):
        MemoryInvestigation.model_validate(stored(spec={"target": TARGET, "restartsAllowed": True}))


def test_unknown_fields_of_a_stored_status_are_passed_over() -> None:
    status = {"phase": "Pending", "later": 1, "outcome": {"reason": "Done", "message": "", "later": {}}}
    one = MemoryInvestigation.model_validate(stored(status=status, later=1))
    assert (one.status.phase, one.status.outcome) == ("Pending", Outcome(reason="Done"))


@pytest.mark.parametrize("status", [None, {}])
def test_no_status_is_an_empty_one(status: dict[str, Any] | None) -> None:
    one = MemoryInvestigation.model_validate(stored(status=status))
    assert one.status == Status()
    assert dump(one.status) == {}


@pytest.mark.parametrize("phase", ["Succeeded", "Inconclusive", "Failed", "Cancelled"])
def test_final_phases(phase: str) -> None:
    assert MemoryInvestigation.model_validate(stored(status={"phase": phase})).is_finished


def test_deletion_is_seen() -> None:
    metadata = {**stored()["metadata"], "deletionTimestamp": "2026-05-01T12:00:00Z"}
    assert MemoryInvestigation.model_validate(stored(metadata=metadata)).is_deleted


def test_a_dump_read_again_is_the_same_status_and_dumps_the_same() -> None:
    before = Status(
        phase="Sampling",
        started_at=NOON.astimezone(timezone(timedelta(hours=2))),
        conditions=(Condition(type="Accepted", status="True", reason="Valid", last_transition_time=NOON),),
        balance=Balance(at=NOON, usage="412Mi"),
    )
    text = dump(before)
    assert text["startedAt"] == "2026-05-01T12:00:00Z"
    assert text["conditions"][0]["lastTransitionTime"] == "2026-05-01T12:00:00Z"
    assert Status.model_validate(text) == before
    assert dump(Status.model_validate(text)) == text


def test_a_moment_set_by_copy_is_dumped_in_whole_seconds() -> None:
    assert dump(Status().model_copy(update={"finished_at": NOON})) == {"finishedAt": "2026-05-01T12:00:00Z"}


def test_a_moment_needs_its_zone() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Status(started_at=datetime(2026, 5, 1))  # noqa: DTZ001


def test_long_texts_are_cut_and_say_so() -> None:
    verdict = VerdictStatus(kind="Threads", confidence="High", summary="x" * 5000, owner="y" * 257)
    assert verdict.summary is not None
    assert verdict.owner is not None
    assert (len(verdict.summary), len(verdict.owner)) == (2048, 256)
    assert verdict.summary.endswith("x … (cut)")


def test_names_are_never_cut() -> None:
    with pytest.raises(ValidationError, match="at most 253"):
        Status.model_validate({"target": {"kind": "Pod", "name": "n" * 254, "uid": "u"}})


def test_each_level_allows_itself_and_the_milder_ones() -> None:
    levels: tuple[Intrusion, ...] = get_args(Intrusion)
    for (i, granted), (j, needed) in itertools.product(enumerate(levels), repeat=2):
        assert allows(granted, needed) == (j <= i)


@pytest.mark.parametrize(
    "change",
    [
        {"deadline": "1 day"},
        {"sampling": {"interval": "soon"}},
        {"budget": {"targetMemory": "12MB"}},
        {"target": {"kind": "Job", "name": "orders"}},
        {"target": {"kind": "Pod", "name": "Orders"}},
        {"intrusion": "Kill"},
    ],
)
def test_malformed_values_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Spec.model_validate({"target": TARGET, **change})
