"""What users see of the resource: kubectl's columns, kubectl explain, field selectors."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offheap.api.crd import generate
from offheap.api.v1alpha1 import PLURAL

Tree = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
STATUS: Tree = {
    "phase": "Succeeded",
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "Done", "lastTransitionTime": "2026-05-01T12:00:00Z"},
        {"type": "Restored", "status": "True", "reason": "AsBefore", "lastTransitionTime": "2026-05-01T12:00:00Z"},
    ],
    "verdict": {"kind": "NativeMalloc", "confidence": "High", "growthPerHour": "412Mi", "owner": "Deflater.<init>"},
    "balance": {"at": "2026-05-01T12:00:00Z", "limit": "1Gi", "usage": "800Mi", "unexplained": "12Mi"},
}


@pytest.fixture(scope="module")
def finished(investigations: Any) -> Tree:
    stored: Tree = investigations.create({"target": {"kind": "Deployment", "name": "orders"}}, STATUS)
    return stored


def row(investigations: Any, name: str) -> tuple[Tree, Tree]:
    table = investigations.request("GET", f"/{name}", accept=TABLE).accepted()
    columns = table["columnDefinitions"]
    cells = dict(zip([column["name"] for column in columns], table["rows"][0]["cells"], strict=True))
    return cells, {column["name"]: column["priority"] for column in columns}


def test_columns(investigations: Any, finished: Tree) -> None:
    cells, priorities = row(investigations, finished["metadata"]["name"])
    del cells["Name"], cells["Age"]
    assert cells == {
        "Target": "orders",
        "Phase": "Succeeded",
        "Verdict": "NativeMalloc",
        "Confidence": "High",
        "Growth": "412Mi",
        "Restored": "True",
        "Owner": "Deflater.<init>",
        "Limit": "1Gi",
        "Unexplained": "12Mi",
    }
    assert [name for name, priority in priorities.items() if priority] == ["Owner", "Limit", "Unexplained"]


def test_columns_of_what_has_not_started_are_empty(investigations: Any) -> None:
    stored = investigations.create({"target": {"kind": "Pod", "name": "orders-0"}})
    cells, _ = row(investigations, stored["metadata"]["name"])
    assert (cells["Target"], cells["Phase"], cells["Verdict"], cells["Restored"]) == ("orders-0", None, None, None)


def test_phase_is_a_field_selector(investigations: Any, finished: Tree) -> None:
    found = investigations.request("GET", "", fieldSelector="status.phase=Succeeded").accepted()["items"]
    assert finished["metadata"]["name"] in {item["metadata"]["name"] for item in found}
    assert {item["status"]["phase"] for item in found} == {"Succeeded"}


def test_explain_describes_every_field(api: Any, investigations: Any, eventually: Any) -> None:
    def published() -> Tree:
        reply = api.request("GET", f"/openapi/v3/apis/{investigations.group}/v1alpha1")
        schemas = reply.body.get("components", {}).get("schemas", {})
        return next((schema for name, schema in schemas.items() if name.endswith(".MemoryInvestigation")), {})

    eventually(lambda: bool(published()), "the schema is published")

    def bare(schema: Tree, path: str) -> Iterator[str]:
        for name, child in schema.get("properties", {}).items():
            if not child.get("description"):
                yield f"{path}.{name}"
            yield from bare(child.get("items", child), f"{path}.{name}")

    assert list(bare(published(), "")) == []


def test_kubectl_explain_says_what_a_field_is_for(investigations: Any, kubeconfig: Path, eventually: Any) -> None:
    command = ["kubectl", f"--kubeconfig={kubeconfig}", "explain", f"{PLURAL}.spec.sampling.interval"]
    command += [f"--api-version={investigations.group}/v1alpha1"]
    said: list[str] = []

    def explained() -> bool:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        said.append(run.stdout + run.stderr)
        return run.returncode == 0

    eventually(explained, "kubectl explain")
    assert "Time between two samples, 1s to 10m" in " ".join(said[-1].split())
    assert "FIELD: interval <string>" in said[-1]


def test_the_short_name_is_short() -> None:
    names = generate()["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["mi"], ["offheap"])
