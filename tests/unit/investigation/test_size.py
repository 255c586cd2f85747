"""However much there is to say, the object stays small, and what is needed to put things back is whole."""

from __future__ import annotations

from typing import Any

import pytest

from offheap.api.v1alpha1 import (
    Balance,
    BalanceRow,
    CollectorStatus,
    Condition,
    FindingStatus,
    InstrumentationStatus,
    Jvm,
    Outcome,
    PodStatus,
    ProbeStatus,
    Status,
    TargetStatus,
    VerdictStatus,
    dump,
)
from offheap.investigation.conditions import TYPES
from offheap.investigation.instrumentation import MAX_COMMAND_LINE_BYTES
from offheap.investigation.size import MOST_BYTES, fitted, size_bytes
from offheap.investigation.waiting import MAX_COLLECTORS
from tests.unit.investigation.world import START

NAME = "n" * 253


def extreme(letter: str) -> Status:
    """Every list as long as it gets, every text longer than it may be."""
    text: Any = letter * 5000
    jvm = Jvm(vm=text, vendor=text, version=text, pid=1, start_time_ticks=2**60, gc=text, max_heap="1Gi", nmt=text)
    half = ("x" * (MAX_COMMAND_LINE_BYTES // 2),)
    return Status(
        observed_generation=1,
        phase="Restoring",
        conditions=tuple(
            Condition(type=kind, status="True", reason="R" * 128, message=text, last_transition_time=START)
            for kind in TYPES
        ),
        verdict=VerdictStatus(
            kind="NativeMalloc", confidence="High", summary=text, owner=text, recommendation=text, missing=text
        ),
        balance=Balance(at=START, rows=tuple(BalanceRow(name=text, bytes=2**62) for _ in range(64))),
        findings=tuple(
            FindingStatus(
                kind="OtherNmtCategory", outcome="Unknown", message=text, recommendation=text, evidence=(text,) * 16
            )
            for _ in range(32)
        ),
        probes=tuple(ProbeStatus(name="smaps", state="Skipped", reason="R" * 128, message=text) for _ in range(5)),
        target=TargetStatus(kind="Deployment", name=NAME, uid="u"),
        pods=tuple(
            PodStatus(name=NAME, uid="u", container="c", jvm=jvm, libc=text, allocator=text)
            for _ in range(MAX_COLLECTORS)
        ),
        collectors=tuple(
            CollectorStatus(
                name="c", step="Sample", pod=NAME, pod_uid="u", container="c", state="Failed", reason="R", message=text
            )
            for _ in range(MAX_COLLECTORS + 1)
        ),
        instrumentation=InstrumentationStatus(
            state="Reverting", carrier="CommandLine", container="c", value="-X", args_before=half, command_before=half
        ),
        outcome=Outcome(reason="R" * 128, message=text),
    )


@pytest.mark.parametrize("letter", ["x", "é", "漢", "🔥", '"', "\n", "\x00"])
def test_the_most_there_can_be_said_fits(letter: str) -> None:
    status = extreme(letter)
    assert size_bytes(status) > MOST_BYTES
    small = fitted(status)
    assert size_bytes(small) <= MOST_BYTES
    assert fitted(small) == small
    assert Status.model_validate(dump(small)) == small
    assert small.instrumentation == status.instrumentation
    assert small.target == status.target
    assert [(p.name, p.uid, p.container) for p in small.pods] == [(p.name, p.uid, p.container) for p in status.pods]
    assert [c.reason for c in small.conditions] == [c.reason for c in status.conditions]
    assert small.verdict is not None
    assert (small.verdict.summary or "").endswith("(cut)")
    assert small.findings
    assert [row.bytes for row in (small.balance or Balance(at=START)).rows] == [2**62] * 64


def test_what_fits_is_not_touched() -> None:
    status = Status(phase="Pending", outcome=Outcome(reason="R", message="x" * 2048))
    assert fitted(status) is status
