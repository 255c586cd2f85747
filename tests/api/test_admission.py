"""Who may ask for what: the ValidatingAdmissionPolicy, tried by three accounts with different rights.

`author` may write investigations, `observer` has the ClusterRole offheap-investigator, `owner` may also patch the Deployment
orders.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from offheap.api.v1alpha1 import GROUP, PLURAL

Tree = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
WORKLOAD = {"kind": "Deployment", "name": "orders"}


def attach(**more: Any) -> Tree:
    return {"target": WORKLOAD, "intrusion": "Attach"} | more


def restart(**more: Any) -> Tree:
    return {"target": WORKLOAD, "intrusion": "Restart"} | more


@pytest.fixture(scope="module")
def guarded_namespace(api: Any, worker: str, eventually: Any) -> Iterator[str]:
    """A namespace of its own: the policy's copy holds here only, so the other tests can do without rights."""
    name = f"offheap-{worker}-admission"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"offheap-test": name}}}
    eventually(lambda: api.apply(f"/api/v1/namespaces/{name}", body).status < 300, f"namespace {name} can be made")
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}").accepted()


@pytest.fixture(scope="module")
def accounts(api: Any, guarded_namespace: str, manifests: Any, crd: Tree) -> dict[str, str]:
    """Account → user name, with rights as the roles in manifests/ give them."""
    (investigator,) = [
        role["rules"]
        for role in manifests("roles-for-people.yaml")
        if role["metadata"]["name"] == "offheap-investigator"
    ]
    investigator = copy.deepcopy(investigator)
    own = [one for one in investigator if one["apiGroups"] == [GROUP]]
    for one in own:
        one["apiGroups"] = [crd["spec"]["group"]]
    patch_orders = {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["orders"],
        "verbs": ["patch"],
    }
    rights = {"author": own, "observer": investigator, "owner": [*investigator, patch_orders]}
    for account, rules in rights.items():
        below = f"{RBAC}/namespaces/{guarded_namespace}"
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": account}}
        api.apply(f"{below}/roles/{account}", head | {"kind": "Role", "rules": rules}).accepted()
        binding = {
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": guarded_namespace}],
        }
        api.apply(f"{below}/rolebindings/{account}", head | binding).accepted()
    return {account: f"system:serviceaccount:{guarded_namespace}:{account}" for account in rights}


@pytest.fixture(scope="module")
def guarded(
    api: Any,
    investigations: Any,
    guarded_namespace: str,
    manifests: Any,
    crd: Tree,
    accounts: dict[str, str],
    eventually: Any,
) -> Iterator[Any]:
    """The resource in a namespace where the policy is in force."""
    policy, binding = copy.deepcopy(manifests("admission.yaml"))
    assert policy["spec"]["matchConstraints"]["resourceRules"][0]["apiGroups"] == [GROUP]
    policy["spec"]["matchConstraints"]["resourceRules"][0]["apiGroups"] = [crd["spec"]["group"]]
    policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = guarded_namespace
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"offheap-test": guarded_namespace}}}
    paths = (
        f"{ADMISSION}/validatingadmissionpolicies/{guarded_namespace}",
        f"{ADMISSION}/validatingadmissionpolicybindings/{guarded_namespace}",
    )
    for path, body in zip(paths, (policy, binding), strict=True):
        api.apply(path, body).accepted()
    resource = replace(investigations, namespace=guarded_namespace)
    eventually(lambda: resource.try_create(attach(), user=accounts["author"]).status == 403, "the policy is in force")
    eventually(lambda: resource.try_create(restart(), user=accounts["owner"]).status == 201, "the roles are in force")
    yield resource
    for path in paths:
        api.request("DELETE", path).accepted()


@pytest.mark.parametrize(
    ("account", "spec"),
    [
        ("observer", attach()),
        ("observer", attach(intrusion="Observe")),
        ("observer", attach(intrusion="Pause", target={"kind": "Pod", "name": "orders-0"})),
        ("owner", attach()),
        ("owner", restart()),
    ],
)
def test_whoever_has_the_right_may(guarded: Any, accounts: dict[str, str], account: str, spec: Tree) -> None:
    guarded.try_create(spec, user=accounts[account]).accepted()


@pytest.mark.parametrize("intrusion", ["Observe", "Attach", "Profile", "Pause", "Restart"])
def test_the_right_to_write_investigations_alone_is_not_enough(
    guarded: Any, accounts: dict[str, str], intrusion: str
) -> None:
    reply = guarded.try_create(attach(intrusion=intrusion), user=accounts["author"])
    assert reply.status == 403
    assert (
        f"{accounts['author']} may not patch pods/ephemeralcontainers in namespace {guarded.namespace}" in reply.message
    )
    assert "the ClusterRole offheap-investigator has that right" in reply.message


@pytest.mark.parametrize(
    ("account", "kind", "name"),
    [
        ("observer", "Deployment", "orders"),
        ("owner", "Deployment", "billing"),
        ("owner", "StatefulSet", "orders"),
        ("owner", "DaemonSet", "orders"),
    ],
)
def test_a_restart_takes_the_right_to_patch_that_workload(
    guarded: Any, accounts: dict[str, str], account: str, kind: str, name: str
) -> None:
    reply = guarded.try_create(restart(target={"kind": kind, "name": name}), user=accounts[account])
    assert reply.status == 403
    what = f"{accounts[account]} may not patch {kind.lower()}s.apps {name} in namespace {guarded.namespace}"
    assert what in reply.message
    assert "get that right, or choose a milder intrusion" in reply.message


def test_a_mild_investigation_cannot_be_turned_into_a_restart(guarded: Any, accounts: dict[str, str]) -> None:
    mild = guarded.create(attach(), user=accounts["observer"])
    assert guarded.update(mild, user=accounts["observer"], intrusion="Restart").status == 403
    guarded.update(mild, user=accounts["owner"], intrusion="Restart").accepted()


def test_a_patch_is_checked_as_well(guarded: Any, accounts: dict[str, str]) -> None:
    name = guarded.create(attach(), user=accounts["observer"])["metadata"]["name"]
    change = {"spec": {"intrusion": "Restart"}}
    content_type = "application/merge-patch+json"
    reply = guarded.request("PATCH", f"/{name}", change, user=accounts["observer"], content_type=content_type)
    assert reply.status == 403


def test_labels_and_finalizers_take_no_right_over_pods(guarded: Any, accounts: dict[str, str]) -> None:
    stored = guarded.create(attach(), user=accounts["observer"])
    stored["metadata"] |= {"labels": {"team": "shop"}, "finalizers": ["offheap.dev/undo"]}
    held = guarded.update(stored, user=accounts["author"]).accepted()
    held["metadata"]["finalizers"] = []
    guarded.update(held, user=accounts["author"]).accepted()


def test_the_requester_is_who_asks_or_nobody(guarded: Any, accounts: dict[str, str]) -> None:
    observer, owner = accounts["observer"], accounts["owner"]
    guarded.try_create(attach(requestedBy=observer), user=observer).accepted()
    reply = guarded.try_create(attach(requestedBy=owner), user=observer)
    assert reply.status == 422
    assert f"spec.requestedBy must be {observer} or left out" in reply.message


def test_nobody_changes_what_somebody_else_asked_for(guarded: Any, accounts: dict[str, str]) -> None:
    stored = guarded.create(attach(requestedBy=accounts["observer"]), user=accounts["observer"])
    assert guarded.update(stored, user=accounts["owner"], intrusion="Restart").status == 422
    assert (
        guarded.update(stored, user=accounts["owner"], requestedBy=accounts["owner"], intrusion="Restart").status == 200
    )


def test_another_person_with_the_right_may_end_what_runs(guarded: Any, accounts: dict[str, str]) -> None:
    spec = restart(requestedBy=accounts["owner"], suspend=True)
    running = guarded.set_status(guarded.create(spec, user=accounts["owner"]), {"phase": "Pending"}).accepted()
    # It may become a restart of the workload by this, and that takes the right to patch the workload, not just any right.
    assert guarded.update(running, user=accounts["observer"], suspend=False).status == 403
    assert guarded.update(running, user=accounts["author"], cancel=True).status == 403
    mild = guarded.create(attach(requestedBy=accounts["owner"]), {"phase": "Sampling"}, user=accounts["owner"])
    guarded.update(mild, user=accounts["observer"], cancel=True).accepted()


def test_the_status_is_the_operators(guarded: Any, accounts: dict[str, str]) -> None:
    stored = guarded.create(attach(), user=accounts["owner"])
    status = {k: v for k, v in stored.items() if k != "status"} | {"status": {"phase": "Succeeded"}}
    reply = guarded.request("PUT", f"/{stored['metadata']['name']}/status", status, user=accounts["owner"])
    assert (reply.status, f'cannot update resource "{PLURAL}/status"' in reply.message) == (403, True), reply.message
