"""Patching a workload and taking the patch away again: what the apiserver's books say, and what stays of others."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from offheap.api.v1alpha1 import EnvironmentVariable, InstrumentationStatus
from offheap.cluster.client import STRATEGIC_MERGE_PATCH
from offheap.investigation.instrumentation import JvmFacts, choose
from offheap.investigation.problems import Problem
from offheap.investigation.records import is_patched, undoing
from offheap.investigation.stages import Changes
from offheap.investigation.steps import Remove, Unapply
from offheap.investigation.template import Patch, owns_fields
from tests.operator.room import Room

NMT = "-XX:NativeMemoryTracking=summary"
TOOL = Patch(carrier="JAVA_TOOL_OPTIONS", container="app", value=NMT)
A = {"name": "A", "value": "a"}
Tree = dict[str, Any]


def record(patch: Patch) -> InstrumentationStatus:
    return InstrumentationStatus(
        state="Applied",
        carrier=patch.carrier,
        container=patch.container,
        value=patch.value or None,
        environment=tuple(EnvironmentVariable(name=name, value=value) for name, value in patch.environment),
        allocator=patch.allocator,
        field_manager="offheap",
    )


async def undo(room: Room, name: str, patch: Patch) -> list[str]:
    """What the plan asks for until nothing is left to undo."""
    done: list[str] = []
    while True:
        target = await room.workload(name)
        step = undoing(target, record(patch))
        if step is None:
            return done
        assert len(done) < 6, "the undoing does not come to an end"
        done.append(type(step).__name__)
        match step:
            case Unapply():
                assert await room.workloads.unapply(target) is None
            case Remove(operations=operations):
                assert await room.workloads.remove(target, operations) is None


@pytest.mark.parametrize("env", [None, [A], [A, {"name": "B", "value": ""}]])
async def test_a_variable_is_added_and_nothing_else_and_taken_away_again(room: Room, env: list[Tree] | None) -> None:
    before = await room.deployment({} if env is None else {"env": env})
    whole = await room.as_owned(before.name)
    assert await room.workloads.apply(before, TOOL) is None
    patched = await room.workload(before.name)
    container = patched.container("app")
    assert container is not None
    assert {e["name"]: e.get("value", "") for e in container["env"]} == {
        "JAVA_TOOL_OPTIONS": NMT,
        **{e["name"]: e["value"] for e in env or []},
    }
    assert is_patched(patched, record(TOOL))
    assert owns_fields(patched)
    assert patched.template_hash != before.template_hash
    assert await undo(room, before.name, TOOL) == ["Unapply"]
    after = await room.workload(before.name)
    assert after.template_hash == before.template_hash
    assert not owns_fields(after)
    assert await room.as_owned(before.name) == whole


async def test_applying_and_undoing_twice_is_once(room: Room) -> None:
    before = await room.deployment()
    await room.workloads.apply(before, TOOL)
    one = await room.as_owned(before.name)
    assert await room.workloads.apply(before, TOOL) is None
    assert await room.as_owned(before.name) == one
    await room.workloads.unapply(before)
    assert await room.workloads.unapply(before) is None
    assert (await room.workload(before.name)).template_hash == before.template_hash


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_other_kinds_are_patched_the_same_way(room: Room, kind: str) -> None:
    name = room.name()
    labels = {"app": name}
    spec: Tree = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "nodeSelector": {"offheap.dev/no-such-node": "true"},
                "containers": [{"name": "app", "image": "none:1"}],
            },
        },
    }
    if kind == "StatefulSet":
        spec |= {"replicas": 0, "serviceName": name}
    body = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": room.namespace},
        "spec": spec,
    }
    await room.apply(room.path(f"{kind.lower()}s", name), body, "kubectl")
    before = await room.workloads.read(kind, room.namespace, name)
    assert before is not None
    assert await room.workloads.apply(before, TOOL) is None
    patched = await room.workloads.read(kind, room.namespace, name)
    assert patched is not None
    assert is_patched(patched, record(TOOL))
    assert await room.workloads.unapply(patched) is None
    after = await room.workloads.read(kind, room.namespace, name)
    assert after is not None
    assert after.template_hash == before.template_hash


async def test_a_variable_of_another_manager_is_not_taken_over(room: Room) -> None:
    before = await room.deployment({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Dx=y"}]}, manager="argocd")
    whole = await room.as_owned(before.name)
    problem = await room.workloads.apply(before, TOOL)
    assert isinstance(problem, Problem)
    assert problem.reason == "FieldConflict"
    assert "argocd" in problem.message
    assert await room.as_owned(before.name) == whole


async def test_our_variable_with_a_value_that_somebody_set_after_us_stays_theirs(room: Room) -> None:
    """As `kubectl set env` does it: the item is ours in the apiserver's books, its value theirs."""
    before = await room.deployment()
    await room.workloads.apply(before, TOOL)
    theirs = {"name": "JAVA_TOOL_OPTIONS", "value": "-Dshop=1"}
    body = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [theirs]}]}}}}
    path, query = room.path("deployments", before.name), [("fieldManager", "kubectl-set")]
    await room.client.write("PATCH", path, body, query=query, content_type=STRATEGIC_MERGE_PATCH)
    assert await undo(room, before.name, TOOL) == ["Remove"]
    after = await room.workload(before.name)
    container = after.container("app")
    assert container is not None
    assert container["env"] == [theirs]
    assert not owns_fields(after)


async def test_the_owner_applies_meanwhile_without_a_conflict(room: Room) -> None:
    """The owner's manifest does not name our variable: their next apply neither fails nor takes it away, nor the reverse."""
    before = await room.deployment({"env": [A]})
    await room.workloads.apply(before, TOOL)
    await room.deployment({"env": [A, {"name": "B", "value": "b"}]}, name=before.name)
    assert is_patched(await room.workload(before.name), record(TOOL))
    assert await undo(room, before.name, TOOL) == ["Unapply"]
    container = (await room.workload(before.name)).container("app")
    assert container is not None
    assert container["env"] == [A, {"name": "B", "value": "b"}]


@pytest.mark.parametrize("again", [False, True])
async def test_a_workload_that_was_deleted_or_created_anew_needs_no_undoing(room: Room, again: bool) -> None:
    before = await room.deployment()
    await room.workloads.apply(before, TOOL)
    patched = await room.workload(before.name)
    await room.delete("deployments", before.name)
    if again:
        await room.deployment({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": NMT}]}, name=before.name)
    now = await room.as_owned(before.name) if again else None
    assert await room.workloads.unapply(patched) is None
    step = undoing(replace(patched, managed_fields=()), record(TOOL))
    assert isinstance(step, Remove)
    assert await room.workloads.remove(patched, step.operations) is None
    assert await room.workloads.apply(patched, TOOL) is None
    assert (await room.as_owned(before.name) if again else await room.get("deployments", before.name)) == now


async def test_what_wiped_books_do_not_list_is_taken_away_by_value(room: Room) -> None:
    before = await room.deployment({"env": [A]})
    await room.workloads.apply(before, TOOL)
    found = await room.get("deployments", before.name)
    assert found is not None
    found["metadata"]["managedFields"] = [{}]
    del found["metadata"]["resourceVersion"]  # its controller writes too
    await room.client.write("PUT", room.path("deployments", before.name), found, query=(("fieldManager", "kubectl"),))
    assert not owns_fields(await room.workload(before.name))
    assert await undo(room, before.name, TOOL) == ["Remove"]
    assert (await room.workload(before.name)).template_hash == before.template_hash


async def test_removing_from_an_object_that_moved_changes_nothing_and_is_planned_anew(room: Room) -> None:
    before = await room.deployment()
    await room.workloads.apply(before, TOOL)
    patched = await room.workload(before.name)
    step = undoing(replace(patched, managed_fields=()), record(TOOL))
    assert isinstance(step, Remove)
    await room.deployment({"env": [A]}, name=before.name)
    moved = await room.as_owned(before.name)
    assert await room.workloads.remove(patched, step.operations) is None
    assert await room.as_owned(before.name) == moved


JEMALLOC = Patch(
    container="app",
    carrier="JAVA_TOOL_OPTIONS",
    value=NMT,
    environment=(("LD_PRELOAD", "/offheap/libjemalloc.so.2"), ("MALLOC_CONF", "prof:true")),
    allocator="Jemalloc",
)
ARENAS = Patch(container="app", carrier="JAVA_TOOL_OPTIONS", value=NMT, environment=(("MALLOC_ARENA_MAX", "2"),))
FULL_POD: Tree = {
    "initContainers": [{"name": "migrate", "image": "none:1"}],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}
FULL_CONTAINER: Tree = {"env": [A], "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}


@pytest.mark.parametrize("full", [False, True])
async def test_an_allocator_is_brought_and_taken_away_to_the_letter(room: Room, full: bool) -> None:
    before = await room.deployment(FULL_CONTAINER if full else {}, pod=FULL_POD if full else {})
    whole = await room.as_owned(before.name)
    assert await room.workloads.apply(before, JEMALLOC) is None
    patched = await room.workload(before.name)
    assert is_patched(patched, record(JEMALLOC))
    spec = patched.template["spec"]
    assert [one["name"] for one in spec["initContainers"]] == (["migrate"] if full else []) + ["offheap-allocator"]
    assert [one["name"] for one in spec["volumes"]] == (["tmp"] if full else []) + ["offheap-allocator"]
    assert await undo(room, before.name, JEMALLOC) == ["Unapply"]
    assert await room.as_owned(before.name) == whole
    assert (await room.workload(before.name)).template_hash == before.template_hash


async def test_one_change_after_the_other_leaves_only_the_last(room: Room) -> None:
    before = await room.deployment(FULL_CONTAINER, pod=FULL_POD)
    whole = await room.as_owned(before.name)
    for patch in (TOOL, JEMALLOC, ARENAS):
        assert await room.workloads.apply(await room.workload(before.name), patch) is None
        assert is_patched(await room.workload(before.name), record(patch))
    spec = (await room.workload(before.name)).template["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["migrate"]
    assert {e["name"] for e in spec["containers"][0]["env"]} == {"A", "JAVA_TOOL_OPTIONS", "MALLOC_ARENA_MAX"}
    assert await undo(room, before.name, ARENAS) == ["Unapply"]
    assert await room.as_owned(before.name) == whole


@pytest.mark.parametrize("full", [False, True])
async def test_an_allocator_is_found_where_the_books_were_wiped(room: Room, full: bool) -> None:
    """kubectl replace makes everything its own; what is ours is then known by its name and value alone."""
    before = await room.deployment(FULL_CONTAINER if full else {}, pod=FULL_POD if full else {})
    assert await room.workloads.apply(before, JEMALLOC) is None
    await room.wipe_books(before.name)
    assert not owns_fields(await room.workload(before.name))
    done = await undo(room, before.name, JEMALLOC)
    assert set(done) == {"Remove"}
    assert (await room.workload(before.name)).template_hash == before.template_hash


COMMAND_LINES: list[Tree] = [
    {"command": ["java"], "args": ["-Xmx64m", "-jar", "app.jar"]},
    {"args": ["/usr/bin/java", "-jar", "app.jar"]},
    {"command": ["tini", "--", "/opt/jdk8/bin/java", "-cp", "/app/*", "Main", ""]},
]


@pytest.mark.parametrize("line", COMMAND_LINES)
async def test_the_command_line_of_jdk_8_is_put_back_to_the_letter(room: Room, line: Tree) -> None:
    before = await room.deployment(copy.deepcopy(line))
    whole = await room.as_owned(before.name)
    jvm = JvmFacts(feature=8, update=402, launcher=True, options=(), variables_set=frozenset())
    patch = choose(jvm, before, "app", Changes(options=(NMT,)), "Auto", consent=True)
    assert isinstance(patch, Patch)
    assert await room.workloads.apply(before, patch) is None
    patched = await room.workload(before.name)
    container = patched.container("app")
    assert container is not None
    words = [*container.get("command", []), *container.get("args", [])]
    assert words[[w.rsplit("/", 1)[-1] for w in words].index("java") + 1] == NMT
    assert await undo(room, before.name, patch) == ["Remove", "Remove"]
    assert await room.as_owned(before.name) == whole
    assert (await room.workload(before.name)).template_hash == before.template_hash


async def test_after_the_command_line_was_put_back_its_owner_is_free_to_change_it(room: Room) -> None:
    line = {"args": ["java", "-jar", "app.jar"]}
    before = await room.deployment(line, manager="owner")
    jvm = JvmFacts(feature=8, update=402, launcher=True, options=(), variables_set=frozenset())
    patch = choose(jvm, before, "app", Changes(options=(NMT,)), "Auto", consent=True)
    assert isinstance(patch, Patch)
    await room.workloads.apply(before, patch)
    await undo(room, before.name, patch)
    after = await room.deployment({"args": ["java", "-Xmx1g", "-jar", "app.jar"]}, name=before.name, manager="owner")
    container = after.container("app")
    assert container is not None
    assert container["args"] == ["java", "-Xmx1g", "-jar", "app.jar"]


@pytest.mark.parametrize("name", ["latest", "liquid-db"])
async def test_a_refusal_to_undo_is_told_whatever_the_workload_is_called(room: Room, name: str) -> None:
    """An answer of 422 that is not about the UID or a test of the patch: a policy, or a field that the patch makes bad."""
    target = await room.deployment(name=f"{room.name()}-{name}")
    bad = [{"op": "replace", "path": "/spec/replicas", "value": -1}]
    problem = await room.workloads.remove(target, bad)
    assert isinstance(problem, Problem)
    assert problem.reason == "RestoreBlocked"


async def test_a_patch_that_makes_no_sense_to_the_apiserver_is_a_problem(room: Room) -> None:
    target = await room.deployment()
    whole = await room.as_owned(target.name)
    problem = await room.workloads.apply(target, Patch(carrier="JAVA_TOOL_OPTIONS", container="gone", value=NMT))
    assert isinstance(problem, Problem)
    assert problem.reason == "PatchDenied"
    assert await room.as_owned(target.name) == whole


async def test_what_is_not_there_is_none(room: Room) -> None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "Pod"):
        assert await room.workloads.read(kind, room.namespace, "no-such") is None
