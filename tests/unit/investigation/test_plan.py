"""The state machine as a whole: whole runs, and runs that are disturbed at any step."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.investigation.conditions import condition
from offheap.investigation.problems import Problem
from offheap.investigation.steps import Apply, Collect, Rest, Unapply, Wait
from offheap.investigation.waiting import MAX_COLLECTORS
from tests.unit.investigation.world import World, identity

RESTART: dict[str, Any] = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
}
ATTACH = {**RESTART, "intrusion": "Attach"}


def reason(world: World, kind: str) -> str:
    found = condition(world.inv.status, kind)
    assert found is not None
    return found.reason


def value(world: World, kind: str) -> str:
    found = condition(world.inv.status, kind)
    assert found is not None
    return found.status


def assert_clean(world: World) -> None:
    """What holds at every end: the template as before, no finalizer, one collector a step and pod."""
    assert world.template == world.original
    assert world.metadata.get("finalizers", []) == []
    assert not world.owned
    steps = [(c.step, c.pod_uid) for c in world.inv.status.collectors]
    assert len(steps) == len(set(steps))


def test_a_whole_run_with_a_restart() -> None:
    world = World(RESTART)
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert inv.status.verdict is not None
    assert inv.status.verdict.kind == "DirectBuffers"
    assert inv.status.instrumentation is not None
    assert inv.status.instrumentation.state == "Reverted"
    assert inv.status.instrumentation.template_hash_after == inv.status.instrumentation.template_hash_before
    assert reason(world, "Restored") == "TemplateAsBefore"
    assert reason(world, "Instrumented") == "NmtActive"
    assert [pod.run_as_user for pod in inv.status.pods] == [1000, 1000]
    assert sum(isinstance(s, Apply) for s in world.steps) == 1
    assert sum(isinstance(s, Unapply) for s in world.steps) == 1
    assert_clean(world)


def test_nothing_is_written_while_it_waits_and_at_rest() -> None:
    world = World(RESTART)
    world.run()
    written = world.written
    assert written < 16
    assert isinstance(world.pass_once(), Rest)
    assert world.written == written


def test_nmt_that_is_on_needs_no_restart() -> None:
    world = World(ATTACH, jvm=identity(nmt="detail"))
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert inv.status.instrumentation is None
    assert reason(world, "Restored") == "NothingChanged"
    assert not any(isinstance(s, Apply) for s in world.steps)


def test_attach_observes_what_there_is_when_nmt_is_off() -> None:
    world = World(ATTACH)
    world.run()
    assert reason(world, "Instrumented") == "RestartNotAllowed"
    assert_clean(world)


@pytest.mark.parametrize(
    ("jvm", "container", "spec", "expected"),
    [
        (identity(feature=8, update=402, version="8u402"), {}, {}, "CommandLineNotAllowed"),
        (identity(options=["-XX:NativeMemoryTracking=off"]), {}, {}, "OptionOnCommandLine"),
        (identity(attach={"ok": False, "reason": "AttachDisabled", "message": "off"}), {}, {}, "AttachDisabled"),
        (identity(feature=None, version="unknown"), {}, {}, "UnknownJdk"),
        (identity(env={"JAVA_TOOL_OPTIONS": True, "JDK_JAVA_OPTIONS": True}), {}, {}, "NoFreeVariable"),
        (
            identity(),
            {"env": [{"name": n, "valueFrom": {"fieldRef": {}}} for n in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")]},
            {},
            "NoFreeVariable",
        ),
        (identity(), {}, {"instrumentation": {"nmt": "Off"}}, "NotAsked"),
    ],
)
def test_what_cannot_be_instrumented_is_sampled_as_it_is(
    jvm: dict[str, Any], container: dict[str, Any], spec: dict[str, Any], expected: str
) -> None:
    world = World({**RESTART, **spec}, container={"name": "app", "image": "i", **container}, jvm=jvm)
    inv = world.run()
    assert reason(world, "Instrumented") == expected
    assert inv.status.verdict is not None
    assert world.written > 0
    assert not any(isinstance(s, Apply) for s in world.steps)
    assert_clean(world)


def test_jdk_8_with_consent_gets_its_command_line_back() -> None:
    container = {"name": "app", "image": "i", "command": ["/usr/bin/java"], "args": ["-Xmx64m", "-jar", "app.jar"]}
    spec = {**RESTART, "instrumentation": {"commandLine": True}}
    world = World(spec, container=container, jvm=identity(feature=8, update=402))
    inv = world.run()
    assert inv.status.instrumentation is not None
    assert inv.status.instrumentation.carrier == "CommandLine"
    assert_clean(world)


@pytest.mark.parametrize("vm", ["OpenJ9", "SubstrateVM", "unknown"])
def test_other_virtual_machines_end_at_once(vm: str) -> None:
    world = World(RESTART, jvm=identity(vm=vm))
    assert world.run().status.phase == "Failed"
    assert reason(world, "Stalled") == "UnsupportedJvm"
    assert_clean(world)


def test_a_target_that_never_appears() -> None:
    world = World(RESTART)
    world.deployment = None
    assert world.run().status.phase == "Failed"
    assert reason(world, "Ready") == "TargetNotFound"
    assert world.written <= 3


def test_several_containers_need_a_name() -> None:
    world = World(RESTART)
    world.template["spec"]["containers"].append({"name": "proxy", "image": "p"})
    world.original = copy.deepcopy(world.template)
    assert world.run().status.phase == "Failed"
    assert reason(world, "TargetResolved") == "ContainerAmbiguous"


def test_a_denied_collector_ends_it_and_is_not_tried_again() -> None:
    world = World(RESTART, denies=Problem("CollectorDenied", "no"))
    assert world.run().status.phase == "Failed"
    assert sum(isinstance(s, Collect) for s in world.steps) == 1


def test_an_image_that_cannot_be_pulled_is_asked_for_once() -> None:
    world = World(RESTART, collector_starts=False)
    assert world.run().status.phase == "Failed"
    assert reason(world, "Ready") == "CollectorImageUnavailable"
    assert sum(isinstance(s, Collect) for s in world.steps) == 1
    assert_clean(world)


def test_a_collector_that_is_killed_each_time_is_not_tried_for_ever() -> None:
    world = World(RESTART, collector_is_killed=True)
    assert world.run().status.phase == "Failed"
    assert reason(world, "Ready") == "CollectorFailed"
    assert sum(isinstance(s, Collect) for s in world.steps) == MAX_COLLECTORS
    assert world.written < 5 * MAX_COLLECTORS
    assert world.template == world.original


@pytest.mark.parametrize(
    ("spec", "forged"),
    [
        (RESTART, {"value": "-javaagent:/tmp/x.jar"}),
        (RESTART, {"carrier": "CommandLine"}),
        (ATTACH, {}),
        ({**RESTART, "instrumentation": {"nmt": "Off"}}, {}),
    ],
)
def test_a_record_that_the_spec_does_not_allow_is_not_applied(spec: dict[str, Any], forged: dict[str, Any]) -> None:
    world = World(RESTART)
    while world.inv.status.instrumentation is None:
        world.pass_once()
    assert world.status is not None
    world.spec = spec
    world.status["instrumentation"] |= forged
    world.run()
    assert not any(isinstance(s, Apply) for s in world.steps)
    assert reason(world, "Ready") == "RecordIncomplete"
    assert world.template == world.original


def test_a_rollout_that_never_gets_healthy_is_put_back() -> None:
    world = World(RESTART, rollout_works=False)
    assert world.run().status.phase == "Failed"
    assert reason(world, "Ready") == "RolloutNotHealthy"
    assert value(world, "Restored") == "True"
    assert_clean(world)


def test_ttl_expires_only_what_git_does_not_keep() -> None:
    world = World({**ATTACH, "ttlAfterFinished": "1h"})
    while not isinstance(step := world.pass_once(), Wait) or world.inv.status.finished_at is None:
        if isinstance(step, Wait):
            world.now += timedelta(seconds=step.seconds)
    world.now += timedelta(hours=2)
    world.pass_once()
    assert world.deleted
    world.metadata["labels"] = {"kustomize.toolkit.fluxcd.io/name": "apps"}
    assert isinstance(world.pass_once(), Rest)


@given(disturbed=st.integers(0, 60), lost=st.booleans())
def test_a_crash_anywhere_changes_nothing_in_the_end(disturbed: int, lost: bool) -> None:
    world = World(RESTART)
    for n in range(disturbed):
        world.advance(acknowledged=not (lost and n == disturbed - 1))
    assert world.run().status.phase == "Succeeded"
    assert sum(isinstance(s, Apply) for s in world.steps) == 1
    assert_clean(world)


@given(at=st.integers(0, 60))
def test_cancelling_anywhere_puts_everything_back(at: int) -> None:
    world = World(dict(RESTART))
    for _ in range(at):
        world.advance()
    finished = world.inv.is_finished or world.inv.status.phase == "Restoring"
    world.spec = {**world.spec, "cancel": True}
    inv = world.run()
    assert finished or inv.status.phase == "Cancelled"
    assert_clean(world)


@given(at=st.integers(0, 60))
def test_deleting_anywhere_puts_everything_back(at: int) -> None:
    world = World(RESTART)
    for _ in range(at):
        world.advance()
    world.metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.run()
    assert world.template == world.original
    assert world.metadata.get("finalizers", []) == []


@given(at=st.integers(0, 60))
def test_the_owner_who_edits_meanwhile_keeps_the_edit(at: int) -> None:
    world = World(RESTART)
    for _ in range(at):
        world.advance()
    world.template["spec"]["containers"][0]["image"] = "app:2"
    world.original["spec"]["containers"][0]["image"] = "app:2"
    world.run()
    assert_clean(world)


@given(at=st.integers(0, 60))
def test_a_target_that_goes_away_leaves_nothing_to_do(at: int) -> None:
    world = World(RESTART)
    for _ in range(at):
        world.advance()
    world.deployment = None
    inv = world.run()
    assert inv.is_finished
    assert world.metadata.get("finalizers", []) == []
