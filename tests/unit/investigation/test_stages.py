"""Several runs of samples, one change at a time: whole runs, and runs that are disturbed at any step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.v1alpha1 import Spec
from offheap.investigation.conditions import condition
from offheap.investigation.plan import plan, refused
from offheap.investigation.problems import Problem
from offheap.investigation.stages import changes, stages, unfit
from offheap.investigation.steps import Apply
from tests.unit.investigation.world import World, identity

Tree = dict[str, Any]
TARGET: Tree = {
    "target": {"kind": "Deployment", "name": "orders"},
    "intrusion": "Restart",
    "sampling": {"interval": "5s", "duration": "1m"},
}


def spec(**instrumentation: Any) -> Tree:
    return {**TARGET, "instrumentation": instrumentation}


ALLOCATOR = spec(allocator="Jemalloc")
TRIALS = spec(trials=["ArenaMax", "TrimNativeHeap"])
ALL = spec(allocator="Tcmalloc", trials=["ArenaMax", "NettyUnpooled"])
ONLY_TRIALS = spec(nmt="Off", trials=["ArenaMax"])
JDK_8 = {"feature": 8, "update": 402, "version": "8u402"}
COMMAND = {"name": "app", "image": "i", "command": ["/usr/bin/java"], "args": ["-Xmx64m", "Main"]}


def a_world(which: Tree, *, old: bool = False) -> World:
    if not old:
        return World(which)
    container = {key: list(value) if isinstance(value, list) else value for key, value in COMMAND.items()}
    consenting = {**which, "instrumentation": {**which["instrumentation"], "commandLine": True}}
    return World(consenting, container=container, jvm=identity(**JDK_8))


def assert_as_before(world: World) -> None:
    assert world.template == world.original
    assert world.metadata.get("finalizers", []) == []
    assert not world.owned


def sampled(world: World) -> list[str]:
    return [str(c.stage) for c in world.inv.status.collectors if c.step == "Sample"]


def test_a_baseline_comes_first_where_something_is_compared_with_it() -> None:
    assert stages(Spec.model_validate(TARGET)) == ("Baseline",)
    assert stages(Spec.model_validate(ALLOCATOR)) == ("Jemalloc",)
    assert stages(Spec.model_validate(ALL)) == ("Baseline", "Tcmalloc", "ArenaMax", "NettyUnpooled")


def test_the_options_of_jemalloc_are_its_own_words() -> None:
    asked = spec(allocator="Jemalloc", jemalloc={"lgProfInterval": 30, "lgProfSample": 19, "profPrefix": "orders"})
    environment = dict(changes(Spec.model_validate(asked), "Jemalloc").environment)
    assert environment["LD_PRELOAD"] == "/offheap/libjemalloc.so.2"
    conf = dict(pair.split(":", 1) for pair in environment["MALLOC_CONF"].split(","))
    assert conf["prof"] == conf["prof_active"] == conf["prof_final"] == "true"
    assert (conf["lg_prof_interval"], conf["lg_prof_sample"]) == ("30", "19")
    assert conf["prof_prefix"] == "/offheap/orders"


@pytest.mark.parametrize(
    ("feature", "update", "fits"),
    [(8, 402, False), (11, 24, False), (17, 3, False), (17, 15, True), (21, 2, False), (21, 13, True), (25, 0, True)],
)
def test_no_jvm_is_started_with_an_option_that_it_does_not_know(feature: int, update: int, fits: bool) -> None:
    assert (unfit("TrimNativeHeap", feature, update) is None) is fits
    assert unfit("ArenaMax", feature, update) is None


@pytest.mark.parametrize("old", [False, True], ids=["17", "8"])
@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (ALLOCATOR, ["Jemalloc"]),
        (spec(trials=["ArenaMax"]), ["Baseline", "ArenaMax"]),
        (ALL, ["Baseline", "Tcmalloc", "ArenaMax", "NettyUnpooled"]),
        (ONLY_TRIALS, ["Baseline", "ArenaMax"]),
    ],
)
def test_each_stage_is_sampled_in_its_order_and_all_is_put_back(which: Tree, expected: list[str], old: bool) -> None:
    world = a_world(which, old=old)
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert sampled(world) == expected
    assert [(one.name, one.state) for one in inv.status.stages] == [(name, "Done") for name in expected]
    restored = condition(inv.status, "Restored")
    assert restored is not None
    assert restored.reason == "TemplateAsBefore"
    assert_as_before(world)


def test_nmt_comes_along_with_the_allocator_in_one_restart() -> None:
    world = World(ALLOCATOR)
    inv = world.run()
    assert sum(isinstance(step, Apply) for step in world.steps) == 1
    patch = next(step.patch for step in world.steps if isinstance(step, Apply))
    assert patch.value == "-XX:NativeMemoryTracking=summary"
    assert patch.allocator == "Jemalloc"
    assert inv.status.pods[-1].allocator == "jemalloc"


def test_a_stage_goes_without_nmt_where_nothing_can_carry_it() -> None:
    world = World(ALLOCATOR, jvm=identity(**JDK_8))
    world.run()
    patch = next(step.patch for step in world.steps if isinstance(step, Apply))
    assert (patch.value, patch.allocator) == ("", "Jemalloc")
    assert_as_before(world)


@pytest.mark.parametrize(
    ("jvm", "container", "expected"),
    [
        (identity(libc="musl"), {}, "AllocatorNeedsGlibc"),
        (identity(libc_version="2.28"), {}, "GlibcTooOld"),
        (identity(allocator="mimalloc"), {}, "AllocatorInPlace"),
        (identity(env={"LD_PRELOAD": True}), {}, "VariableInUse"),
        (identity(), {"env": [{"name": "MALLOC_CONF", "value": "narenas:1"}]}, "VariableInUse"),
        (identity(), {"env": [{"name": "LD_PRELOAD", "valueFrom": {"fieldRef": {}}}]}, "VariableInUse"),
    ],
)
def test_an_allocator_that_cannot_come_leaves_the_target_sampled_as_it_is(
    jvm: Tree, container: Tree, expected: str
) -> None:
    world = World(ALLOCATOR, jvm=jvm, container={"name": "app", "image": "i", **container})
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert [(one.name, one.state, one.reason) for one in inv.status.stages] == [
        ("Jemalloc", "Skipped", expected),
        ("Baseline", "Done", None),
    ]
    assert_as_before(world)


def test_a_trial_that_does_not_fit_is_skipped_and_the_others_are_made() -> None:
    world = World(TRIALS, jvm=identity(update=3, version="17.0.3"))
    inv = world.run()
    assert [(one.name, one.state, one.reason) for one in inv.status.stages] == [
        ("Baseline", "Done", None),
        ("ArenaMax", "Done", None),
        ("TrimNativeHeap", "Skipped", "OptionUnknownToJdk"),
    ]
    assert inv.status.phase == "Succeeded"
    assert_as_before(world)


def test_no_stage_is_begun_that_the_deadline_would_cut_short() -> None:
    world = World({**TRIALS, "deadline": "3m"})
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert {one.reason for one in inv.status.stages if one.state == "Skipped"} == {"DeadlineTooShort"}
    assert_as_before(world)


def test_a_trial_whose_rollout_fails_costs_only_the_trial() -> None:
    world = World(TRIALS)
    while sampled(world) != ["Baseline"] or world.inv.status.phase != "Instrumenting":
        world.advance()
    world.rollout_works = False
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert ("ArenaMax", "Skipped", "RolloutNotHealthy") in [(s.name, s.state, s.reason) for s in inv.status.stages]
    assert_as_before(world)


def test_what_an_allocator_writes_at_its_end_is_waited_for_beside_the_target() -> None:
    world = World(ALLOCATOR)
    inv = world.run()
    assert [c.step for c in inv.status.collectors][-2:] == ["Sample", "Final"]
    assert (inv.status.collectors[-1].state, inv.status.collectors[-1].stage) == ("Running", "Jemalloc")
    world = World(spec(allocator="Jemalloc", jemalloc={"profFinal": False}))
    assert "Final" not in [c.step for c in world.run().status.collectors]


def test_a_last_collector_that_cannot_be_had_costs_nothing_else() -> None:
    world = World(ALLOCATOR)
    while not sampled(world) or world.inv.status.collectors[-1].state != "Done":
        world.advance()
    world.denies = Problem("CollectorDenied", "no")
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert (inv.status.collectors[-1].step, inv.status.collectors[-1].state) == ("Final", "Failed")
    assert_as_before(world)


PERF = {**spec(nmt="Off"), "intrusion": "Profile", "probes": [{"name": "perf"}]}


def test_perf_with_rights_of_its_own_runs_after_the_samples() -> None:
    world = World(PERF)
    inv = world.run()
    assert [c.step for c in inv.status.collectors][-2:] == ["Sample", "Trace"]
    assert inv.status.phase == "Succeeded"


def test_a_namespace_that_forbids_perf_loses_nothing_else() -> None:
    world = World(PERF)
    while not sampled(world) or world.inv.status.collectors[-1].state != "Done":
        world.advance()
    world.denies = Problem("CollectorDenied", "PodSecurity baseline: PERFMON")
    inv = world.run()
    assert inv.status.phase == "Succeeded"
    assert (inv.status.collectors[-1].step, inv.status.collectors[-1].reason) == ("Trace", "CollectorDenied")


@pytest.mark.parametrize(
    "forged",
    [
        {"environment": [{"name": "LD_PRELOAD", "value": "/tmp/evil.so"}]},
        {"environment": [{"name": "PATH", "value": "/tmp"}]},
        {"allocator": "Tcmalloc"},
        {"stage": "ArenaMax"},
        {"value": "-javaagent:/tmp/x.jar"},
    ],
)
def test_a_record_that_the_spec_does_not_allow_is_not_applied(forged: Tree) -> None:
    world = World(ALLOCATOR)
    while world.inv.status.instrumentation is None:
        world.pass_once()
    assert world.status is not None
    world.status["instrumentation"] |= forged
    world.run()
    assert not any(isinstance(step, Apply) for step in world.steps)
    assert world.template == world.original


@pytest.mark.parametrize("intrusion", ["Observe", "Restart"])
def test_a_forged_record_takes_nothing_of_the_owner_away(intrusion: str) -> None:
    container = {"name": "app", "image": "i", "command": ["java"], "args": ["-Dauth=required", "-jar", "app.jar"]}
    world = World({**TARGET, "intrusion": intrusion}, container=container)
    while not sampled(world):
        world.advance()
    assert world.status is not None
    forged = {"state": "Reverting", "carrier": "CommandLine", "container": "app", "value": "-Dauth=required"}
    world.status |= {"phase": "Restoring", "outcome": {"reason": "Cancelled"}, "instrumentation": forged}
    world.run()
    assert container["args"] == ["-Dauth=required", "-jar", "app.jar"]


def announced(which: Tree, stage: str, *, old: bool = False) -> World:
    """The patch of a stage is on record and not yet applied: the template carries that of the stage before."""
    world = a_world(which, old=old)
    while (record := world.inv.status.instrumentation) is None or (record.stage, record.state) != (stage, "Intended"):
        world.advance()
    return world


@pytest.mark.parametrize("how", ["cancel", "delete", "late", "refused"])
@pytest.mark.parametrize("stage", ["Tcmalloc", "ArenaMax", "NettyUnpooled"])
def test_what_the_stage_before_left_is_put_back_too(stage: str, how: str) -> None:
    world = announced(ALL, stage)
    if how == "cancel":
        world.spec = {**world.spec, "cancel": True}
    elif how == "delete":
        world.metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    elif how == "late":
        world.now += timedelta(hours=3)
    else:
        step = plan(world.inv, world.observed(), world.now)
        assert isinstance(step, Apply)
        world._save(refused(world.inv, step, Problem("ApplyDenied", "quota"), world.now))
    world.run()
    assert_as_before(world)


def test_an_owner_who_takes_the_variable_over_between_stages_is_left_with_that_alone() -> None:
    world = announced(ALL, "NettyUnpooled")
    container = world.template["spec"]["containers"][0]
    assert {one["name"] for one in container["env"]} == {"JAVA_TOOL_OPTIONS", "MALLOC_ARENA_MAX"}
    theirs = {"name": "JAVA_TOOL_OPTIONS", "value": "-Dmine"}
    container["env"][0] = theirs
    step = plan(world.inv, world.observed(), world.now)
    world._save(refused(world.inv, step, Problem("ApplyConflict", "conflict with kubectl"), world.now))
    world.run()
    assert world.template["spec"]["containers"][0]["env"] == [theirs]


def test_a_command_line_that_changed_before_a_stage_costs_only_the_stage() -> None:
    world = announced(ALL, "NettyUnpooled", old=True)
    world.template["spec"]["containers"][0] |= {"command": ["run.sh"], "args": []}
    world.original["spec"]["containers"][0] |= {"command": ["run.sh"], "args": []}
    inv = world.run()
    assert ("NettyUnpooled", "Skipped", "CommandLineNotFound") in [
        (s.name, s.state, s.reason) for s in inv.status.stages
    ]
    assert_as_before(world)


which = st.sampled_from([ALLOCATOR, ALL, ONLY_TRIALS, PERF])


@given(which=which, old=st.booleans(), disturbed=st.integers(0, 160), lost=st.booleans())
def test_a_crash_anywhere_changes_nothing_in_the_end(which: Tree, old: bool, disturbed: int, lost: bool) -> None:
    world = a_world(which, old=old)
    for n in range(disturbed):
        world.advance(acknowledged=not (lost and n == disturbed - 1))
    assert world.run(1000).status.phase == "Succeeded"
    assert_as_before(world)


@given(which=which, old=st.booleans(), at=st.integers(0, 160), how=st.sampled_from(["cancel", "delete", "late"]))
def test_ending_it_anywhere_puts_everything_back(which: Tree, old: bool, at: int, how: str) -> None:
    world = a_world(which, old=old)
    for _ in range(at):
        world.advance()
    if how == "cancel":
        world.spec = {**world.spec, "cancel": True}
    elif how == "delete":
        world.metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    else:
        world.now += timedelta(hours=3)
    world.run(1000)
    assert_as_before(world)


@given(which=which, old=st.booleans(), at=st.integers(0, 160))
def test_the_owner_who_edits_meanwhile_keeps_the_edit(which: Tree, old: bool, at: int) -> None:
    world = a_world(which, old=old)
    for _ in range(at):
        world.advance()
    world.template["spec"]["containers"][0]["image"] = "app:2"
    world.original["spec"]["containers"][0]["image"] = "app:2"
    world.run(1000)
    assert_as_before(world)
