"""A real kube-apiserver, and a copy of the CRD in a group of this worker's own.

The copy keeps the tests apart from a deployed operator and from each other, so they run in parallel on a shared cluster.
"""

import copy
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from offheap.api.crd import generate
from offheap.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION

ROOT = Path(__file__).parents[2]
Tree = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.api)


@dataclass(frozen=True)
class Reply:
    status: int
    body: Tree

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    def accepted(self) -> Tree:
        assert 200 <= self.status < 300, self.message
        return self.body


class Api:
    """The apiserver as bytes go over the wire: no client in between that checks, fills in or leaves out."""

    def __init__(self, kubeconfig: Path) -> None:
        self.client = kubernetes.config.new_client_from_config(config_file=str(kubeconfig))

    def request(
        self,
        method: str,
        path: str,
        body: Tree | None = None,
        *,
        user: str | None = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        **query: str,
    ) -> Reply:
        headers = {"Accept": accept, "Content-Type": content_type} | ({"Impersonate-User": user} if user else {})
        request = self.client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self.client.call_api(*request, _request_timeout=30)
        response.read()
        is_json = "json" in response.getheader("Content-Type", "")
        return Reply(response.status, json.loads(response.data) if is_json else {"message": response.data.decode()})

    def apply(self, path: str, body: Tree, **query: str) -> Reply:
        return self.request(
            "PATCH",
            path,
            body,
            content_type="application/apply-patch+yaml",
            fieldManager="offheap-test",
            force="true",
            fieldValidation="Strict",
            **query,
        )


def wait_until(check: Callable[[], bool], what: str) -> None:
    """The apiserver takes up definitions and policies in the background; this waits for what it will do, however slow."""
    give_up = time.monotonic() + 60
    while not check():
        assert time.monotonic() < give_up, f"not within a minute: {what}"
        time.sleep(0.1)


@dataclass
class Investigations:
    """The resource under test: MemoryInvestigation in this worker's group and namespace."""

    api: Api
    group: str
    namespace: str
    made: int = 0

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/{VERSION}/namespaces/{self.namespace}/{PLURAL}"

    def manifest(self, spec: Tree, name: str = "one", **metadata: Any) -> Tree:
        return {
            "apiVersion": f"{self.group}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace, **metadata},
            "spec": spec,
        }

    def try_create(self, spec: Tree, name: str = "one", user: str | None = None) -> Reply:
        """What the apiserver would say; nothing is stored."""
        manifest = self.manifest(spec, name)
        return self.request("POST", "", manifest, user=user, dryRun="All", fieldValidation="Strict")

    def create(self, spec: Tree, status: Tree | None = None, user: str | None = None) -> Tree:
        self.made += 1
        manifest = self.manifest(spec, f"stored-{self.made}")
        made = self.request("POST", "", manifest, user=user, fieldValidation="Strict").accepted()
        return self.set_status(made, status).accepted() if status else made

    def update(self, stored: Tree, user: str | None = None, **spec: Any) -> Reply:
        changed = copy.deepcopy(stored)
        changed["spec"].update(spec)
        return self.request("PUT", f"/{stored['metadata']['name']}", changed, user=user, fieldValidation="Strict")

    def set_status(self, stored: Tree, status: Tree | None) -> Reply:
        changed = {k: v for k, v in stored.items() if k != "status"} | (
            {"status": status} if status is not None else {}
        )
        return self.request("PUT", f"/{stored['metadata']['name']}/status", changed, fieldValidation="Strict")

    def request(self, method: str, below: str, body: Tree | None = None, **options: Any) -> Reply:
        return self.api.request(method, self.path + below, body, **options)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = Path(os.environ.get("KUBECONFIG") or ROOT / ".cluster" / "kubeconfig")
    assert path.is_file(), f"these tests need an apiserver: no kubeconfig at {path}; run: make cluster-up"
    return path


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[Api]:
    api = Api(kubeconfig)
    yield api
    api.client.close()


@pytest.fixture(scope="session")
def worker() -> str:
    return f"apitest-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def namespace(api: Api, worker: str) -> Iterator[str]:
    """Enforces Pod Security restricted, as the operator's own namespace does."""
    name = f"offheap-{worker}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    wait_until(lambda: api.apply(f"/api/v1/namespaces/{name}", body).status < 300, f"namespace {name} can be made")
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}").accepted()


@pytest.fixture(scope="session")
def crd(worker: str) -> Tree:
    """The CRD of the models, in this worker's group."""
    copied = generate()
    group = f"{worker}.{GROUP}"
    copied["metadata"]["name"] = f"{PLURAL}.{group}"
    copied["spec"]["group"] = group
    # Short names and categories are one for the whole cluster: leave them to the CRD that may be deployed.
    del copied["spec"]["names"]["shortNames"], copied["spec"]["names"]["categories"]
    return copied


@pytest.fixture(scope="session")
def investigations(api: Api, namespace: str, crd: Tree) -> Iterator[Investigations]:
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    api.apply(path, crd).accepted()
    resource = Investigations(api, crd["spec"]["group"], namespace)
    minimal = {"target": {"kind": "Pod", "name": "p"}}
    wait_until(lambda: resource.try_create(minimal).status == 201, "the CRD is served")
    yield resource
    api.request("DELETE", path).accepted()


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool], str], None]:
    return wait_until


@pytest.fixture(scope="session")
def manifests() -> Callable[[str], list[Tree]]:
    """The objects in one file below manifests/."""
    return lambda file: [tree for tree in yaml.safe_load_all((ROOT / "manifests" / file).read_text()) if tree]
