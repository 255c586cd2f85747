"""The collector's container: as whom it runs, what it is called, what the kubelet says of it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from offheap.api.v1alpha1 import PodStatus
from offheap.api.words import CollectorStep
from offheap.investigation.ephemeral import container_json, identity_known, name_for, state_of

Tree = dict[str, Any]


def a_pod(inner: Tree | None = None, outer: Tree | None = None, statuses: list[Tree] | None = None) -> Tree:
    app: Tree = {"name": "app"} | ({} if inner is None else {"securityContext": inner})
    proxy = {"name": "proxy", "securityContext": {"runAsUser": 1337, "capabilities": {"add": ["NET_ADMIN"]}}}
    return {
        "spec": {"containers": [proxy, app]} | ({} if outer is None else {"securityContext": outer}),
        "status": {} if statuses is None else {"containerStatuses": statuses},
    }


def reported(linux: Tree | None) -> list[Tree]:
    proxy = {"name": "proxy", "user": {"linux": {"uid": 1337, "gid": 1337}}}
    return [proxy, {"name": "app"} | ({} if linux is None else {"user": {"linux": linux}})]


USERS: dict[str, tuple[Tree, tuple[int, int | None] | None]] = {
    "nobody says": (a_pod(), None),
    "the container says": (a_pod({"runAsUser": 7, "runAsGroup": 8}), (7, 8)),
    "the pod says": (a_pod(outer={"runAsUser": 7, "runAsGroup": 8}), (7, 8)),
    "the container wins": (a_pod({"runAsUser": 7}, {"runAsUser": 1, "runAsGroup": 8}), (7, 8)),
    "root is a user": (a_pod({"runAsUser": 0}), (0, None)),
    "a group alone is no user": (a_pod({"runAsGroup": 8}), None),
    "the kubelet reports": (a_pod(statuses=reported({"uid": 7, "gid": 8, "supplementalGroups": [8]})), (7, 8)),
    "the kubelet reports root, who may have started the JVM as another": (
        a_pod(statuses=reported({"uid": 0, "gid": 0})),
        None,
    ),
    "the spec wins over the report": (a_pod({"runAsUser": 7}, statuses=reported({"uid": 9, "gid": 9})), (7, None)),
    "the kubelet reports nothing": (a_pod(statuses=reported(None)), None),
    "a kubelet of another system": (a_pod(statuses=reported({})), None),
}


@pytest.mark.parametrize(("pod", "expected"), USERS.values(), ids=USERS.keys())
def test_whose_user_the_pod_itself_tells(pod: Tree, expected: tuple[int, int | None] | None) -> None:
    assert identity_known(pod, "app") == expected


def added(pod: Tree, user: int | None = None, group: int | None = None) -> Tree:
    target = PodStatus(name="p", uid="p-1", container="app", run_as_user=user, run_as_group=group)
    return container_json("offheap-look-1", "collector:1", "IfNotPresent", '{"version":1}', pod, target)


def test_the_container_joins_the_target_and_takes_no_order_but_its_plan() -> None:
    found = added(a_pod(), 1000, 1000)
    assert found["targetContainerName"] == "app"
    assert found["command"] == ["python3", "-m", "offheap.collector"]
    assert found["args"] == ['{"version":1}']
    assert set(found) & {"env", "envFrom", "volumeMounts", "stdin", "tty", "resources", "ports"} == set()


@pytest.mark.parametrize(("user", "group"), [(None, None), (1000, None), (1000, 2000), (1, 0)])
def test_not_root_is_restricted(user: int | None, group: int | None) -> None:
    """As Pod Security's level `restricted` asks for."""
    context = added(a_pod({"capabilities": {"add": ["NET_BIND_SERVICE"]}}), user, group)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (context.get("runAsUser"), context.get("runAsGroup")) == (user, group)
    assert "privileged" not in context


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (None, None),
        ({}, None),
        ({"capabilities": {}}, None),
        ({"capabilities": {"drop": ["ALL"]}}, {"drop": ["ALL"]}),
        (
            {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}},
            {"add": ["SYS_PTRACE"], "drop": ["ALL"]},
        ),
    ],
)
def test_root_has_exactly_the_capabilities_of_the_target(inner: Tree | None, expected: Tree | None) -> None:
    """With fewer the kernel would not let it look, with more it would be more than the target is."""
    context = added(a_pod(inner), 0, 0)["securityContext"]
    assert context.get("capabilities") == expected
    assert "runAsNonRoot" not in context
    assert context["allowPrivilegeEscalation"] is False
    assert "privileged" not in context


def test_names_are_fit_for_kubernetes_and_tell_steps_pods_and_attempts_apart() -> None:
    made = {
        name_for(uid, step, pod, attempt)
        for uid in ("mi-1", "mi-2")
        for step in get_args(CollectorStep)
        for pod in ("p-1", "p-2")
        for attempt in (0, 1)
    }
    assert len(made) == 2 * len(get_args(CollectorStep)) * 2 * 2
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() and name.islower() for name in made)
    assert name_for("mi-1", "Sample", "p-1", 0) == name_for("mi-1", "Sample", "p-1", 0)


def listed(*states: Tree) -> Tree:
    return {
        "spec": {"containers": [], "ephemeralContainers": [{"name": "other"}, {"name": "c"}]},
        "status": {"ephemeralContainerStatuses": [{"name": "other", "state": {"running": {}}}, *states]},
    }


@pytest.mark.parametrize(
    ("pod", "phase", "reason"),
    [
        ({"spec": {}, "status": {}}, "absent", ""),
        ({"spec": {"ephemeralContainers": [{"name": "other"}]}, "status": {}}, "absent", ""),
        (listed(), "waiting", ""),
        (listed({"name": "c"}), "waiting", ""),
        (listed({"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}), "waiting", "ErrImagePull"),
        (listed({"name": "c", "state": {"running": {"startedAt": "x"}}}), "running", ""),
        (
            listed({"name": "c", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}),
            "terminated",
            "OOMKilled",
        ),
        (listed({"name": "c", "state": {"terminated": None}}), "terminated", ""),
    ],
)
def test_what_the_kubelet_says_of_it(pod: Tree, phase: str, reason: str) -> None:
    found = state_of(pod, "c")
    assert (found.phase, found.reason) == (phase, reason)
