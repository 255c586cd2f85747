"""The deployment: the apiserver takes it, Pod Security lets it in, and its rights are what it needs and nothing more."""

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from offheap.api.crd import generate
from offheap.api.v1alpha1 import GROUP, PLURAL

Tree = dict[str, Any]
MANIFESTS = Path(__file__).parents[2] / "manifests"
SAMPLES = sorted(MANIFESTS.glob("samples/*.yaml"))

RIGHTS = {
    (GROUP, PLURAL): {"get", "list", "watch", "patch", "delete"},
    (GROUP, f"{PLURAL}/status"): {"update"},
    ("", "pods"): {"get", "list", "watch"},
    ("", "pods/ephemeralcontainers"): {"patch"},
    ("", "pods/log"): {"get"},
    ("apps", "deployments"): {"get", "patch"},
    ("apps", "statefulsets"): {"get", "patch"},
    ("apps", "daemonsets"): {"get", "patch"},
    ("apps", "replicasets"): {"get", "list"},
    ("events.k8s.io", "events"): {"create"},
}
# What would make a break-in into the operator a break-in into the cluster.
DENIED = [
    ("", "secrets", "", "get"),
    ("", "secrets", "", "list"),
    ("", "configmaps", "", "get"),
    ("", "pods", "exec", "create"),
    ("", "pods", "attach", "create"),
    ("", "pods", "", "create"),
    ("", "pods", "", "delete"),
    ("", "pods", "", "patch"),
    ("", "pods", "eviction", "create"),
    ("", "nodes", "proxy", "get"),
    ("", "serviceaccounts", "token", "create"),
    ("", "users", "", "impersonate"),
    ("apps", "deployments", "", "create"),
    ("apps", "deployments", "", "delete"),
    ("apps", "deployments", "scale", "patch"),
    ("rbac.authorization.k8s.io", "clusterroles", "", "patch"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "", "create"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "", "patch"),
    (GROUP, PLURAL, "", "create"),
]


@pytest.fixture(scope="module")
def built() -> list[Tree]:
    """The manifests as kubectl puts them together."""
    run = subprocess.run(["kubectl", "kustomize", str(MANIFESTS)], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(run.stdout))


def test_kustomize_brings_everything_and_the_crd_as_generated(built: list[Tree]) -> None:
    files = [tree for file in MANIFESTS.glob("*.yaml") for tree in yaml.safe_load_all(file.read_text())]
    expected = {(tree["kind"], tree["metadata"]["name"]) for tree in files if tree["kind"] != "Kustomization"}
    crd = generate()
    assert {(tree["kind"], tree["metadata"]["name"]) for tree in built} == expected | {
        (crd["kind"], crd["metadata"]["name"])
    }
    assert crd in built


def test_the_apiserver_takes_every_object(api: Any, namespace: str, built: list[Tree]) -> None:
    groups = {"v1": "/api/v1"}
    for tree in copy.deepcopy(built):
        version, kind, metadata = tree["apiVersion"], tree["kind"], tree["metadata"]
        below = groups.get(version, f"/apis/{version}")
        plural = {"NetworkPolicy": "networkpolicies", "ValidatingAdmissionPolicy": "validatingadmissionpolicies"}
        where = plural.get(kind, f"{kind.lower()}s")
        if "namespace" in metadata:
            metadata["namespace"] = namespace
            below += f"/namespaces/{namespace}"
        api.apply(f"{below}/{where}/{metadata['name']}", tree, dryRun="All").accepted()


@pytest.fixture(scope="module")
def deployment(built: list[Tree]) -> Tree:
    (found,) = [tree for tree in built if tree["kind"] == "Deployment"]
    return found


def test_pod_security_restricted_lets_the_operator_in(
    api: Any, namespace: str, built: list[Tree], deployment: Tree
) -> None:
    (account,) = [copy.deepcopy(tree) for tree in built if tree["kind"] == "ServiceAccount"]
    account["metadata"]["namespace"] = namespace
    api.apply(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account['metadata']['name']}", account).accepted()
    pod = copy.deepcopy(deployment["spec"]["template"]) | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"]["name"] = "operator"
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.request("POST", path, pod, dryRun="All", fieldValidation="Strict").accepted()
    del pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    assert api.request("POST", path, pod, dryRun="All").status == 403, (
        "the namespace enforces nothing, so this test shows nothing"
    )


def test_one_operator_at_a_time(deployment: Tree) -> None:
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_ports_that_are_named_exist(built: list[Tree], deployment: Tree) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"metrics": 8080, "health": 8081}
    (service,) = [tree for tree in built if tree["kind"] == "Service"]
    (policy,) = [tree for tree in built if tree["kind"] == "NetworkPolicy"]
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert labels >= service["spec"]["selector"].items()
    assert labels >= policy["spec"]["podSelector"]["matchLabels"].items()
    assert service["spec"]["ports"][0]["targetPort"] in ports
    assert container["livenessProbe"]["httpGet"]["port"] in ports
    assert container["readinessProbe"]["httpGet"]["port"] in ports


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_samples_are_accepted(investigations: Any, sample: Path) -> None:
    tree = yaml.safe_load(sample.read_text())
    assert (tree["apiVersion"], tree["kind"]) == (f"{GROUP}/v1alpha1", "MemoryInvestigation")
    investigations.try_create(tree["spec"], tree["metadata"]["name"]).accepted()


@pytest.fixture(scope="module")
def operator(api: Any, worker: str, built: list[Tree], eventually: Any) -> Iterator[str]:
    """A user with the operator's rights: its role under another name, bound in the whole cluster."""
    (role,) = [
        copy.deepcopy(tree)
        for tree in built
        if tree["kind"] == "ClusterRole" and tree["metadata"]["name"] == "offheap-operator"
    ]
    (binding,) = [copy.deepcopy(tree) for tree in built if tree["kind"] == "ClusterRoleBinding"]
    user = f"offheap-{worker}-operator"
    role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = user
    binding["subjects"] = [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]
    below = "/apis/rbac.authorization.k8s.io/v1"
    paths = f"{below}/clusterroles/{user}", f"{below}/clusterrolebindings/{user}"
    for path, tree in zip(paths, (role, binding), strict=True):
        api.apply(path, tree).accepted()
    eventually(lambda: may(api, user, ("", "pods", "", "list")), "the role is in force")
    yield user
    for path in paths:
        api.request("DELETE", path).accepted()


def may(api: Any, user: str, right: tuple[str, str, str, str], namespace: str = "") -> bool:
    group, resource, subresource, verb = right
    asked = {"group": group, "resource": resource, "subresource": subresource, "verb": verb, "namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    reply = api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, user=user)
    return bool(reply.accepted()["status"]["allowed"])


def test_the_operator_may_do_exactly_what_it_needs(api: Any, operator: str, namespace: str) -> None:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    reply = api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body, user=operator)
    rights: dict[tuple[str, str], set[str]] = {}
    for given in reply.accepted()["status"]["resourceRules"]:
        for group in given["apiGroups"]:
            for resource in given["resources"]:
                rights.setdefault((group, resource), set()).update(given["verbs"])
    everybodys = {"authorization.k8s.io", "authentication.k8s.io"}
    assert {key: verbs for key, verbs in rights.items() if key[0] not in everybodys} == RIGHTS


@pytest.mark.parametrize("right", DENIED, ids=["/".join(filter(None, right)) for right in DENIED])
def test_the_operator_may_not(api: Any, operator: str, right: tuple[str, str, str, str]) -> None:
    assert not may(api, operator, right)
    assert not may(api, operator, right, namespace="kube-system")
