"""What the operator writes, and what nobody may change any more."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from offheap.api import words
from offheap.api.v1alpha1 import (
    TERMINAL,
    Artifact,
    Balance,
    BalanceRow,
    CollectorStatus,
    Condition,
    EnvironmentVariable,
    FindingStatus,
    InstrumentationStatus,
    Jvm,
    MemoryInvestigation,
    Outcome,
    PodStatus,
    ProbeStatus,
    StageStatus,
    Status,
    TargetStatus,
    VerdictStatus,
    dump,
)

Tree = dict[str, Any]
NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
SPEC = {"target": {"kind": "Deployment", "name": "orders"}}

FULL = Status(
    observed_generation=1,
    phase="Restoring",
    conditions=(
        Condition(
            type="Restored",
            status="False",
            reason="RollingOut",
            message="1 of 2",
            last_transition_time=NOON,
            observed_generation=1,
        ),
    ),
    started_at=NOON,
    sampling_started_at=NOON,
    finished_at=NOON,
    verdict=VerdictStatus(
        kind="NativeMalloc",
        confidence="High",
        growth_per_hour="412Mi",
        time_to_limit="2h10m",
        summary="malloc grows",
        owner="java/util/zip/Deflater.<init>",
        recommendation="call end()",
        missing="nothing",
    ),
    balance=Balance(
        at=NOON,
        limit="1Gi",
        usage="812Mi",
        unexplained="-3Mi",
        rows=(BalanceRow(name="unexplained", bytes=-3145728, growth_per_hour="-1.5Ki"),),
    ),
    findings=(
        FindingStatus(
            kind="Threads",
            outcome="Pass",
            confidence="Medium",
            growth_per_hour="0",
            message="steady",
            recommendation="none",
            evidence=("nmt/summary.diff@12",),
        ),
    ),
    probes=(
        ProbeStatus(
            name="nmt",
            level="Attach",
            state="Skipped",
            reason="NmtOff",
            message="switch it on",
            samples=40,
            target_memory_peak="18.2Mi",
            pause="2ms",
            sent="96Ki",
        ),
    ),
    target=TargetStatus(kind="Deployment", name="orders", uid="3b0c"),
    pods=(
        PodStatus(
            name="orders-1",
            uid="77aa",
            container="app",
            jvm=Jvm(
                vm="HotSpot",
                vendor="Debian",
                version="17.0.15",
                pid=1,
                start_time_ticks=2**40,
                gc="G1",
                max_heap="256Mi",
                nmt="summary",
            ),
            run_as_user=1000,
            run_as_group=0,
            capabilities="None",
            libc="glibc",
            allocator="jemalloc",
        ),
    ),
    collectors=(
        CollectorStatus(
            name="offheap-look-3b0c",
            step="Look",
            pod="orders-1",
            pod_uid="77aa",
            container="app",
            state="Done",
            reason="Completed",
            message="ended by itself",
            stage="Baseline",
            started_at=NOON,
        ),
    ),
    instrumentation=InstrumentationStatus(
        state="Reverting",
        carrier="CommandLine",
        container="app",
        value="-XX:NativeMemoryTracking=detail",
        stage="Jemalloc",
        environment=(EnvironmentVariable(name="LD_PRELOAD", value="/offheap/libjemalloc.so.2"),),
        allocator="Jemalloc",
        template_hash_before="aaa",
        template_hash_after="aaa",
        field_manager="offheap",
        args_before=(),
        command_before=("java", "-jar", "app.jar"),
        at=NOON,
        reverted_at=NOON,
    ),
    stages=(StageStatus(name="ArenaMax", state="Skipped", reason="DeadlineTooShort", message="raise it"),),
    artifacts=(Artifact(id="smaps.txt", kind="text", uri="file:///a/smaps.txt", size=12, sha256="ab" * 32),),
    artifacts_left_out=3,
    outcome=Outcome(reason="DeadlineExceeded", message="an hour is over"),
)


def unset(model: BaseModel, path: str = "") -> list[str]:
    """Fields that hold nothing, in all depth."""
    found = []
    for name, value in model:
        if value is None or (value == () and name != "args_before"):
            found.append(f"{path}.{name}")
        for child in value if isinstance(value, tuple) else (value,):
            found += unset(child, f"{path}.{name}") if isinstance(child, BaseModel) else []
    return found


def test_every_field_that_the_models_know_is_stored(investigations: Any) -> None:
    assert unset(FULL) == []
    stored = investigations.create(SPEC, dump(FULL))
    assert stored["status"] == dump(FULL)
    assert MemoryInvestigation.model_validate(stored | {"apiVersion": "offheap.dev/v1alpha1"}).status == FULL


def test_a_field_that_is_not_declared_is_refused(investigations: Any) -> None:
    reply = investigations.set_status(investigations.create(SPEC), {"phase": "Pending", "note": "x"})
    assert (reply.status, 'unknown field "status.note"' in reply.message) == (400, True), reply.message


def test_a_status_from_before_the_last_write_is_refused(investigations: Any) -> None:
    stored = investigations.create(SPEC)
    investigations.set_status(stored, {"phase": "Pending"}).accepted()
    assert investigations.set_status(stored, {"phase": "Preparing"}).status == 409


def test_spec_and_status_are_written_apart(investigations: Any) -> None:
    stored = investigations.create(SPEC)
    stored["spec"]["suspend"] = True
    after = investigations.set_status(stored, {"phase": "Pending"}).accepted()
    assert after["spec"]["suspend"] is False
    after["status"]["phase"] = "Failed"
    assert investigations.update(after, cancel=True).accepted()["status"]["phase"] == "Pending"


@pytest.fixture(scope="module")
def running(investigations: Any) -> Tree:
    spec = {
        "target": {"kind": "Deployment", "name": "orders", "container": "app"},
        "intrusion": "Restart",
        "requestedBy": "alice",
        "ttlAfterFinished": "1h",
    }
    stored: Tree = investigations.create(spec, {"phase": "Pending"})
    return stored


LOCKED: dict[str, Tree] = {
    "another target": {"target": {"kind": "Deployment", "name": "billing", "container": "app"}},
    "any container": {"target": {"kind": "Deployment", "name": "orders"}},
    "intrusion": {"intrusion": "Observe"},
    "sampling": {"sampling": {"interval": "1s", "duration": "10m"}},
    "instrumentation": {"instrumentation": {"nmt": "Detail"}},
    "budget": {"budget": {"targetMemory": "1Gi"}},
    "deadline": {"deadline": "2h"},
    "requestedBy": {"requestedBy": "bob"},
    "several": {"suspend": True, "cancel": True, "deadline": "2h"},
}
OPEN: dict[str, Tree] = {
    "nothing": {},
    "suspend": {"suspend": True},
    "cancel": {"cancel": True},
    "ttlAfterFinished": {"ttlAfterFinished": "24h"},
}


def try_update(investigations: Any, stored: Tree, spec: Tree) -> Any:
    changed = stored | {"spec": stored["spec"] | spec}
    return investigations.request(
        "PUT", f"/{stored['metadata']['name']}", changed, dryRun="All", fieldValidation="Strict"
    )


@pytest.mark.parametrize("change", LOCKED.values(), ids=LOCKED.keys())
def test_a_started_investigation_is_fixed(investigations: Any, running: Tree, change: Tree) -> None:
    reply = try_update(investigations, running, change)
    assert reply.status == 422
    assert (
        "spec: Forbidden: the investigation has started: only suspend, cancel and ttlAfterFinished may change;"
        " create another investigation instead"
    ) in reply.message


def test_a_started_investigation_keeps_its_requester(investigations: Any, running: Tree) -> None:
    without = running | {"spec": {k: v for k, v in running["spec"].items() if k != "requestedBy"}}
    assert "the investigation has started" in try_update(investigations, without, {}).message


@pytest.mark.parametrize("change", OPEN.values(), ids=OPEN.keys())
def test_what_may_change_all_the_same(investigations: Any, running: Tree, change: Tree) -> None:
    try_update(investigations, running, change).accepted()


def test_ttl_may_be_taken_away(investigations: Any, running: Tree) -> None:
    without = running | {"spec": {k: v for k, v in running["spec"].items() if k != "ttlAfterFinished"}}
    try_update(investigations, without, {}).accepted()


@pytest.mark.parametrize("change", LOCKED.values(), ids=LOCKED.keys())
def test_before_the_start_all_may_change(investigations: Any, change: Tree) -> None:
    fresh = investigations.create(SPEC)
    try_update(investigations, fresh, change).accepted()
    try_update(
        investigations, investigations.set_status(fresh, {"observedGeneration": 1}).accepted(), change
    ).accepted()


def test_labels_and_finalizers_may_change(investigations: Any, running: Tree) -> None:
    metadata = running["metadata"] | {"labels": {"team": "shop"}, "finalizers": ["offheap.dev/undo"]}
    try_update(investigations, running | {"metadata": metadata}, {}).accepted()


@pytest.mark.parametrize("phase", TERMINAL)
def test_a_final_phase_is_final(investigations: Any, phase: str) -> None:
    finished = investigations.create(SPEC, {"phase": phase})
    for other in {*get_args(words.Phase), None} - {phase}:
        reply = investigations.set_status(finished, {"phase": other} if other else {"observedGeneration": 1})
        assert reply.status == 422
        assert "a finished investigation stays as it ended: create another one" in reply.message
    more = {"phase": phase, "outcome": {"reason": "Late", "message": "may still be said"}}
    investigations.set_status(finished, more).accepted()


@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": 1}])
def test_the_phase_cannot_be_taken_away(investigations: Any, running: Tree, status: Tree | None) -> None:
    reply = investigations.set_status(running, status)
    assert reply.status == 422
    assert "status: Forbidden: the phase cannot be taken away again: it holds the spec fixed" in reply.message


def test_every_other_change_of_phase_is_allowed(investigations: Any) -> None:
    stored = investigations.create(SPEC)
    for phase in [phase for phase in get_args(words.Phase) if phase not in TERMINAL] + ["Pending", "Failed"]:
        stored = investigations.set_status(stored, {"phase": phase}).accepted()


CONDITION = {"type": "Ready", "status": "True", "reason": "Done", "lastTransitionTime": "2026-05-01T12:00:00Z"}
REFUSED: dict[str, tuple[Tree, str]] = {
    "an unknown phase": ({"phase": "Paused"}, 'Unsupported value: "Paused"'),
    "an unknown verdict": ({"verdict": {"kind": "Gremlins", "confidence": "High"}}, 'Unsupported value: "Gremlins"'),
    "a verdict without confidence": ({"verdict": {"kind": "NoLeak"}}, "status.verdict.confidence: Required value"),
    "a growth that is no quantity": (
        {"verdict": {"kind": "NoLeak", "confidence": "High", "growthPerHour": "12MB"}},
        "must be a quantity such as 412Mi",
    ),
    "a condition twice": ({"conditions": [CONDITION, CONDITION]}, "Duplicate value"),
    "a condition's status": ({"conditions": [CONDITION | {"status": "Maybe"}]}, 'Unsupported value: "Maybe"'),
    "a condition's time": ({"conditions": [CONDITION | {"lastTransitionTime": "noon"}]}, "must be of type date-time"),
    "a reason in words": ({"conditions": [CONDITION | {"reason": "it is done"}]}, "should match"),
    "too many findings": ({"findings": [{"kind": "Threads", "outcome": "Pass"}] * 33}, "must have at most 32 items"),
    "a message too long": ({"outcome": {"reason": "Done", "message": "x" * 2049}}, "may not be more than 2048 bytes"),
    "a negative count": ({"observedGeneration": -1}, "should be greater than or equal to 0"),
}


@pytest.mark.parametrize(("status", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_says_why(investigations: Any, status: Tree, message: str) -> None:
    reply = investigations.set_status(investigations.create(SPEC), status)
    assert reply.status == 422
    assert message in reply.message


def test_what_the_models_cut_the_apiserver_takes_in_any_script(investigations: Any) -> None:
    status = Status(outcome=Outcome(reason="Done", message="ε漢🔥" * 1000), phase="Pending")
    assert investigations.create(SPEC, dump(status))["status"] == dump(status)
