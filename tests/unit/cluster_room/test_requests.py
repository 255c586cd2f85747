"""What each room asks of the apiserver, word for word, and what it makes of lists. The answers come from a stand-in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException, BadRequestException, NotFoundException

from offheap.api.v1alpha1 import MemoryInvestigation, Status
from offheap.cluster.client import Client
from offheap.cluster.events import Events
from offheap.cluster.investigations import Investigations
from offheap.cluster.pods import Pods
from offheap.cluster.workloads import Workloads
from offheap.investigation.template import Patch
from offheap.investigation.workload import Workload, workload

Tree = dict[str, Any]


class Answers(Client):
    """Gives what it was told to give, and books what it was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def _next(self, *asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def get(self, path: str, query: Any = ()) -> Tree:
        found: Tree = self._next("GET", path, list(query))
        return found

    async def text(self, path: str, query: Any = ()) -> str:
        found: str = self._next("GET", path, list(query))
        return found

    async def write(self, method: str, path: str, body: Any, *, query: Any = (), content_type: str = "json") -> Tree:
        found: Tree = self._next(method, path, body, list(query), content_type)
        return found


INV = MemoryInvestigation.model_validate(
    {
        "metadata": {
            "name": "orders-oom",
            "namespace": "shop",
            "uid": "mi-1",
            "generation": 1,
            "resourceVersion": "7",
            "finalizers": ["example.com/keep"],
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {"target": {"kind": "Deployment", "name": "orders"}},
    }
)
AT = "/apis/offheap.dev/v1alpha1/namespaces/shop/memoryinvestigations/orders-oom"


async def test_the_status_is_written_with_what_guards_it_and_no_more() -> None:
    client = Answers()
    await Investigations(client).save(INV, Status(phase="Pending"))
    ((method, path, body, query, _),) = client.asked
    assert (method, path, query) == ("PUT", f"{AT}/status", [("fieldValidation", "Strict")])
    assert body["metadata"] == {"name": "orders-oom", "namespace": "shop", "uid": "mi-1", "resourceVersion": "7"}
    assert (body["status"], "spec" in body) == ({"phase": "Pending"}, False)


async def test_the_finalizer_and_the_end_are_bound_to_what_was_read() -> None:
    client = Answers()
    rooms = Investigations(client)
    await rooms.hold(INV, on=True)
    await rooms.hold(INV, on=False)
    await rooms.delete(INV)
    on, off, delete = client.asked
    assert on[2] == {"metadata": {"finalizers": ["example.com/keep", "offheap.dev/restore"], "resourceVersion": "7"}}
    assert off[2] == {"metadata": {"finalizers": ["example.com/keep"], "resourceVersion": "7"}}
    assert delete[:3] == ("DELETE", AT, {"preconditions": {"uid": "mi-1", "resourceVersion": "7"}})


async def test_one_that_cannot_be_read_does_not_hide_the_others() -> None:
    other = {"metadata": {"name": "newer", "namespace": "shop"}, "spec": {"target": {"kind": "CronJob", "name": "x"}}}
    good = {"metadata": INV.metadata, "spec": {"target": {"kind": "Deployment", "name": "orders"}}}
    client = Answers({"apiVersion": "offheap.dev/v1alpha1", "items": [other, good]})
    assert [inv.name for inv in await Investigations(client).list("shop")] == ["orders-oom"]


def a_workload(kind: str) -> Workload:
    spec: Tree = {"selector": {"matchLabels": {"app": "orders"}}, "template": {"spec": {"containers": []}}}
    return workload({"kind": kind, "metadata": {"name": "orders", "namespace": "shop", "uid": "w-1"}, "spec": spec})


def owned(name: str, owner: str | None, *, controller: bool = True) -> Tree:
    owners = [{"uid": "a-label-owner"}, {"uid": owner, "controller": controller}] if owner else []
    return {"metadata": {"name": name, "uid": f"u-{name}", "ownerReferences": owners}}


async def test_pods_of_a_deployment_are_those_of_its_replica_sets() -> None:
    pods = {"items": [owned("a", "u-new"), owned("b", "u-old"), owned("c", "u-foreign"), owned("d", None)]}
    sets = {"items": [owned("new", "w-1"), owned("old", "w-1"), owned("foreign", "w-2")]}
    client = Answers(pods, sets)
    found = await Pods(client).of(a_workload("Deployment"))
    assert [p["metadata"]["name"] for p in found] == ["a", "b"]
    assert client.asked == [
        ("GET", "/api/v1/namespaces/shop/pods", [("labelSelector", "app=orders")]),
        ("GET", "/apis/apps/v1/namespaces/shop/replicasets", [("labelSelector", "app=orders")]),
    ]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_pods_of_the_others_are_their_own(kind: str) -> None:
    client = Answers({"items": [owned("a", "w-1"), owned("b", "w-2"), owned("c", "w-1", controller=False)]})
    assert [p["metadata"]["name"] for p in await Pods(client).of(a_workload(kind))] == ["a"]
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "/apis/apps/v1/namespaces/shop/deployments/orders"),
        ("StatefulSet", "/apis/apps/v1/namespaces/shop/statefulsets/orders"),
        ("DaemonSet", "/apis/apps/v1/namespaces/shop/daemonsets/orders"),
    ],
)
async def test_a_patch_is_never_forced_and_says_whose_it_is(kind: str, path: str) -> None:
    client = Answers()
    target = a_workload(kind)
    assert await Workloads(client).apply(target, Patch("app", "JAVA_TOOL_OPTIONS", "-X")) is None
    assert await Workloads(client).unapply(target) is None
    for method, asked, body, query, content_type in client.asked:
        assert (method, asked, content_type) == ("PATCH", path, "application/apply-patch+yaml")
        assert query == [("fieldManager", "offheap"), ("force", "false")]
        assert body["metadata"]["uid"] == "w-1"
        assert body["kind"] == kind


async def test_a_log_is_asked_for_from_whole_seconds_on() -> None:
    client = Answers("line\n", BadRequestException(status=400), NotFoundException(status=404))
    pods = Pods(client)
    since = datetime(2026, 5, 1, 12, 0, 0, 900000, tzinfo=UTC)
    assert await pods.log("shop", "orders-1", "c", since) == "line\n"
    assert client.asked[0][2] == [("container", "c"), ("sinceTime", "2026-05-01T12:00:00Z")]
    assert await pods.log("shop", "orders-1", "c", None) == ""
    assert await pods.log("shop", "orders-1", "c", None) == ""


async def test_an_event_is_named_after_what_it_tells() -> None:
    client = Answers()
    events = Events(client, "i" * 300)
    long = INV.model_copy(update={"metadata": {**INV.metadata, "name": "n" * 253}})
    for inv, reason, note in [(INV, "A", "x"), (INV, "A", "x"), (INV, "A", "y"), (INV, "B", "x"), (long, "A", "x")]:
        await events.post(inv, reason=reason, note=note, warning=False)
    names = [asked[2]["metadata"]["name"] for asked in client.asked]
    assert names[0] == names[1]
    assert len(set(names)) == 4
    assert all(len(name) <= 253 for name in names)
    body = client.asked[0][2]
    assert (body["regarding"]["uid"], body["regarding"]["apiVersion"]) == ("mi-1", "offheap.dev/v1alpha1")
    assert len(body["reportingInstance"]) <= 128
    datetime.strptime(body["eventTime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


@pytest.mark.parametrize("status", [403, 404, 409])
async def test_an_event_that_is_refused_is_no_reason_to_stop(status: int) -> None:
    await Events(Answers(ApiException(status=status)), "i").post(INV, reason="A", note="x", warning=True)


async def test_an_apiserver_that_is_down_is_one() -> None:
    with pytest.raises(ApiException):
        await Events(Answers(ApiException(status=503)), "i").post(INV, reason="A", note="x", warning=True)
