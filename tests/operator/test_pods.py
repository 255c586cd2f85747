"""Pods as the operator sees them, and the collector's ephemeral container in one of them."""

from __future__ import annotations

from typing import Any

import pytest

from offheap.api.v1alpha1 import PodStatus
from offheap.investigation.ephemeral import container_json, name_for, state_of
from offheap.investigation.problems import Problem
from tests.operator.room import Room

Tree = dict[str, Any]


def collector(pod: Tree, user: int | None = 1000, plan: str = "{}") -> Tree:
    meta = pod["metadata"]
    target = PodStatus(name=meta["name"], uid=meta["uid"], container="app", run_as_user=user)
    name = name_for("mi-1", "Sample", meta["uid"], 0)
    return container_json(name, "none:1", "IfNotPresent", plan, pod, target)


async def reread(room: Room, pod: Tree) -> Tree:
    found = await room.get("pods", pod["metadata"]["name"])
    assert found is not None
    return found


@pytest.mark.parametrize("user", [1000, None])
async def test_a_collector_is_admitted_where_pod_security_is_restricted(room: Room, user: int | None) -> None:
    pod = await room.pod()
    assert await room.pods.collect(pod, collector(pod, user)) is None
    after = await reread(room, pod)
    (added,) = after["spec"]["ephemeralContainers"]
    assert added["targetContainerName"] == "app"
    assert added["securityContext"].get("runAsUser") == user
    assert state_of(pod, added["name"]).phase == "absent"
    assert state_of(after, added["name"]).phase == "waiting"


async def test_adding_the_same_collector_again_adds_none(room: Room) -> None:
    pod = await room.pod()
    for _ in range(2):
        assert await room.pods.collect(pod, collector(pod)) is None
    once = await reread(room, pod)
    assert await room.pods.collect(once, collector(once)) is None
    after = await reread(room, pod)
    assert len(after["spec"]["ephemeralContainers"]) == 1
    assert after["spec"]["ephemeralContainers"] == once["spec"]["ephemeralContainers"]


async def test_another_plan_under_the_same_name_is_refused(room: Room) -> None:
    pod = await room.pod()
    await room.pods.collect(pod, collector(pod))
    problem = await room.pods.collect(pod, collector(pod, plan='{"version":2}'))
    assert isinstance(problem, Problem)
    assert problem.reason == "CollectorDenied"


async def test_what_the_policy_of_the_namespace_denies_is_a_problem_in_its_words(room: Room) -> None:
    pod = await room.pod()
    problem = await room.pods.collect(pod, collector(pod, user=0))
    assert isinstance(problem, Problem)
    assert problem.reason == "CollectorDenied"
    assert 'violates PodSecurity "restricted' in problem.message
    assert "ephemeralContainers" not in (await reread(room, pod))["spec"]


@pytest.mark.parametrize("again", [False, True])
async def test_a_pod_that_went_away_meanwhile_is_no_problem(room: Room, again: bool) -> None:
    pod = await room.pod()
    await room.delete("pods", pod["metadata"]["name"])
    if again:
        meta = {"name": pod["metadata"]["name"], "namespace": room.namespace}
        await room.client.write("POST", room.path("pods"), {**pod, "metadata": meta, "status": {}})
    assert await room.pods.collect(pod, collector(pod)) is None
    found = await room.get("pods", pod["metadata"]["name"])
    assert found is None or "ephemeralContainers" not in found["spec"]
    assert await room.pods.read(room.namespace, pod["metadata"]["name"], pod["metadata"]["uid"]) is None


async def test_a_container_that_has_not_started_has_said_nothing(room: Room) -> None:
    pod = await room.pod()
    assert await room.pods.log(room.namespace, pod["metadata"]["name"], "app", None) == ""
    assert await room.pods.log(room.namespace, pod["metadata"]["name"], "no-such", None) == ""
    assert await room.pods.log(room.namespace, "no-such", "app", None) == ""


async def test_a_pod_stands_for_itself_and_a_workload_for_what_it_controls(room: Room) -> None:
    pod = await room.pod()
    target = await room.workloads.read("Pod", room.namespace, pod["metadata"]["name"])
    assert target is not None
    assert [p["metadata"]["uid"] for p in await room.pods.of(target)] == [pod["metadata"]["uid"]]
    deployment = await room.deployment()
    labels = {"metadata": {"labels": {"app": deployment.name}}}
    path = room.path("pods", pod["metadata"]["name"])
    await room.client.write("PATCH", path, labels, content_type="application/merge-patch+json")
    assert await room.pods.of(deployment) == (), "a pod with its labels that it does not control"
