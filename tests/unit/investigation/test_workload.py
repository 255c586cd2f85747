"""What a workload's JSON says: the rollout of each kind, the selector as a query, the pod that stands for it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.investigation.problems import Problem
from offheap.investigation.workload import Rollout, container_name, is_running, representative, workload

Tree = dict[str, Any]


def an_object(kind: str, spec: Tree | None = None, status: Tree | None = None, generation: int = 3) -> Tree:
    """As the apiserver gives it: its controller has seen the newest template, unless the status says otherwise."""
    return {
        "kind": kind,
        "metadata": {"name": "orders", "namespace": "shop", "uid": "u-1", "generation": generation},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "app"}]}}, **(spec or {})},
        "status": {"observedGeneration": generation, **(status or {})},
    }


def rollout(kind: str, spec: Tree | None = None, status: Tree | None = None) -> Rollout:
    return workload(an_object(kind, spec, status)).rollout


DONE = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
GOING = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
SET = {"updateRevision": "b", "currentRevision": "b", "updatedReplicas": 2, "availableReplicas": 2}
DAEMON = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}

RULES: dict[str, tuple[str, Tree, Tree, str]] = {
    "Deployment, done": ("Deployment", {"replicas": 2}, DONE, "done"),
    "Deployment, one replica is the default": ("Deployment", {}, {**DONE, "replicas": 1}, "done"),
    "Deployment, scaled to nothing": ("Deployment", {"replicas": 0}, {}, "done"),
    "Deployment, new pods to come": ("Deployment", {"replicas": 2}, {**DONE, "updatedReplicas": 1}, "going"),
    "Deployment, no status yet": ("Deployment", {"replicas": 2}, {}, "going"),
    "Deployment, old pods to go": ("Deployment", {"replicas": 2}, {**DONE, "replicas": 3}, "going"),
    "Deployment, not available": ("Deployment", {"replicas": 2}, {**DONE, "availableReplicas": 1}, "going"),
    "Deployment, progressing": ("Deployment", {"replicas": 2}, {**DONE, "conditions": [GOING]}, "done"),
    "Deployment, too late": ("Deployment", {"replicas": 2}, {"updatedReplicas": 1, "conditions": [LATE]}, "stuck"),
    "Deployment, paused": ("Deployment", {"replicas": 2, "paused": True}, DONE, "stuck"),
    "Deployment, resumed": ("Deployment", {"replicas": 2, "paused": False}, DONE, "done"),
    "StatefulSet, done": ("StatefulSet", {"replicas": 2}, SET, "done"),
    "StatefulSet, between revisions": ("StatefulSet", {"replicas": 2}, {**SET, "currentRevision": "a"}, "going"),
    "StatefulSet, not available": ("StatefulSet", {"replicas": 2}, {**SET, "availableReplicas": 1}, "going"),
    "StatefulSet, OnDelete": ("StatefulSet", {"replicas": 2, **ON_DELETE}, SET, "stuck"),
    "StatefulSet, partition": (
        "StatefulSet",
        {"replicas": 2, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
        SET,
        "stuck",
    ),
    "StatefulSet, partition of none": (
        "StatefulSet",
        {"replicas": 2, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
        SET,
        "done",
    ),
    "DaemonSet, done": ("DaemonSet", {}, DAEMON, "done"),
    "DaemonSet, no node": ("DaemonSet", {}, {"desiredNumberScheduled": 0}, "done"),
    "DaemonSet, new pods to come": ("DaemonSet", {}, {**DAEMON, "updatedNumberScheduled": 1}, "going"),
    "DaemonSet, not available": ("DaemonSet", {}, {**DAEMON, "numberAvailable": 1}, "going"),
    "DaemonSet, OnDelete": ("DaemonSet", ON_DELETE, DAEMON, "stuck"),
    "Pod": ("Pod", {"containers": [{"name": "app"}]}, {}, "done"),
}


@pytest.mark.parametrize(("kind", "spec", "status", "expected"), RULES.values(), ids=RULES.keys())
def test_rollout(kind: str, spec: Tree, status: Tree, expected: str) -> None:
    found = rollout(kind, spec, status)
    assert (found.done, found.stuck) == {"done": (True, False), "going": (False, False), "stuck": (False, True)}[
        expected
    ]
    assert found.message


@pytest.mark.parametrize(("kind", "status"), [("Deployment", DONE), ("StatefulSet", SET), ("DaemonSet", DAEMON)])
def test_numbers_of_an_older_template_do_not_count(kind: str, status: Tree) -> None:
    found = rollout(kind, {"replicas": 2}, {**status, "observedGeneration": 2})
    assert (found.done, found.stuck) == (False, False)


def selector(spec: Tree) -> str:
    return workload(an_object("Deployment", {"selector": spec})).selector


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ""),
        ({"matchLabels": {"app": "orders", "tier": ""}}, "app=orders,tier="),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}, "a in (x,y)"),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}, "a notin (x)"),
        ({"matchExpressions": [{"key": "a.io/b", "operator": "Exists"}]}, "a.io/b"),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, "!a"),
        (
            {"matchLabels": {"app": "o"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}]},
            "app=o,a in (x)",
        ),
    ],
)
def test_selector_as_the_query_of_a_list_call(spec: Tree, expected: str) -> None:
    assert selector(spec) == expected


def test_equal_templates_hash_equal_in_whatever_order() -> None:
    one = an_object("Deployment")
    other = copy.deepcopy(one)
    other["spec"]["template"] = dict(reversed(list(one["spec"]["template"].items())))
    other["metadata"]["resourceVersion"] = "77"
    other["spec"]["replicas"] = 5
    assert workload(one).template_hash == workload(other).template_hash
    other["spec"]["template"]["spec"] = {"containers": [{"name": "app"}, {"name": "proxy"}]}
    assert workload(one).template_hash != workload(other).template_hash


def pod(name: str, **changes: Any) -> Tree:
    """A running, ready pod, the oldest there is."""
    ready, started = changes.pop("ready", True), changes.pop("started", "2026-01-01T00:00:00Z")
    states = changes.pop("states", {"app": "running"})
    return {
        "metadata": {"name": name, **changes.pop("metadata", {})},
        "spec": {"containers": [{"name": c} for c in states]},
        "status": {
            "phase": "Running",
            "startTime": started,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": c, "state": {state: {}}} for c, state in states.items()],
            **changes,
        },
    }


NOT_RUNNING: dict[str, Tree] = {
    "pending": pod("a", phase="Pending"),
    "done": pod("a", phase="Succeeded"),
    "about to go": pod("a", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
    "crashed": pod("a", states={"app": "terminated"}),
    "starting": pod("a", states={"app": "waiting"}),
    "the sidecar runs, the target does not": pod("a", states={"app": "waiting", "proxy": "running"}),
    "the container is not there": pod("a", states={"proxy": "running"}),
    "no status at all": {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "app"}]}},
}


@pytest.mark.parametrize("one", NOT_RUNNING.values(), ids=NOT_RUNNING.keys())
def test_a_pod_whose_target_does_not_run_stands_for_nothing(one: Tree) -> None:
    assert not is_running(one, "app")
    assert representative([one], "app") is None


@given(order=st.permutations(range(5)))
def test_the_representative_is_ready_then_old_then_first_by_name(order: list[int]) -> None:
    pods = [
        pod("unready", ready=False, started="2025-01-01T00:00:00Z"),
        pod("gone", states={"app": "terminated"}, started="2025-01-01T00:00:00Z"),
        pod("young", started="2026-01-02T00:00:00Z"),
        pod("b"),
        pod("a"),
    ]
    left = [pods[i] for i in order]
    chosen = []
    while (one := representative(left, "app")) is not None:
        chosen.append(one["metadata"]["name"])
        left = [other for other in left if other is not one]
    assert chosen == ["a", "b", "young", "unready"]


def test_without_a_name_any_running_container_will_do() -> None:
    assert is_running(pod("a", states={"app": "waiting", "proxy": "running"}))
    assert representative([]) is None


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        (["app"], None, "app"),
        (["app"], "app", "app"),
        (["app", "proxy"], "proxy", "proxy"),
        (["app", "proxy"], None, "ContainerAmbiguous"),
        (["app", "proxy"], "db", "ContainerNotFound"),
        (["app"], "db", "ContainerNotFound"),
    ],
)
def test_which_container_is_the_target(names: list[str], wanted: str | None, expected: str) -> None:
    found = container_name({"spec": {"containers": [{"name": n} for n in names]}}, wanted)
    assert (found.reason if isinstance(found, Problem) else found) == expected
    if isinstance(found, Problem):
        assert all(name in found.message for name in names)


@pytest.mark.parametrize("wanted", [None, "app"])
def test_a_pod_that_sees_its_nodes_processes_is_refused(wanted: str | None) -> None:
    found = container_name({"spec": {"hostPID": True, "containers": [{"name": "app"}]}}, wanted)
    assert isinstance(found, Problem)
    assert found.reason == "HostPid"
