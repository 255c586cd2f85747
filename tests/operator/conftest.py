"""The operator's code against a real apiserver, in a group of its own.

A deployed operator serves `offheap.dev` in every namespace of the cluster. So the CRD is stored once more under another
group, and the connection translates between the two on the wire: the code under test is exactly the one that is deployed.
"""

from __future__ import annotations

import copy
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from offheap.api.crd import generate
from offheap.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION
from tests.api.conftest import Api, wait_until
from tests.operator.room import Room, Wire

ROOT = Path(__file__).parents[2]
Tree = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.api)


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
    """Several checkouts and workers may share a cluster."""
    return f"optest-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def namespace(api: Api, worker: str) -> Iterator[str]:
    """Enforces Pod Security restricted: what the operator adds to a pod has to be admitted there."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": worker, "labels": labels}}
    api.apply(f"/api/v1/namespaces/{worker}", body).accepted()
    yield worker
    api.request("DELETE", f"/api/v1/namespaces/{worker}").accepted()


@pytest.fixture(scope="session")
def group(api: Api, worker: str, namespace: str) -> Iterator[str]:
    """The group under which this worker's copy of the CRD is served."""
    name = f"{worker}.{GROUP}"
    crd = copy.deepcopy(generate())
    crd["metadata"]["name"] = f"{PLURAL}.{name}"
    crd["spec"]["group"] = name
    # Short names and categories are one for the whole cluster: leave them to the CRD that may be deployed.
    del crd["spec"]["names"]["shortNames"], crd["spec"]["names"]["categories"]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    api.apply(path, crd).accepted()
    below = f"/apis/{name}/{VERSION}/namespaces/{namespace}/{PLURAL}"
    probe = {
        "apiVersion": f"{name}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": "probe"},
        "spec": {"target": {"kind": "Pod", "name": "p"}},
    }
    wait_until(lambda: api.request("POST", below, probe, dryRun="All").status == 201, "the CRD is served")
    yield name
    # A finalizer that a failed test left would hold the definition and the namespace.
    for left in api.request("GET", below).accepted()["items"]:
        patch: Tree = {"metadata": {"finalizers": []}}
        api.request("PATCH", f"{below}/{left['metadata']['name']}", patch, content_type="application/merge-patch+json")
    api.request("DELETE", path).accepted()


@pytest.fixture
async def wire(kubeconfig: Path, group: str) -> AsyncIterator[Wire]:
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=str(kubeconfig), client_configuration=configuration
    )
    wire = Wire(configuration, group)
    yield wire
    await wire.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def room(wire: Wire, namespace: str) -> Room:
    return Room(wire, namespace)
