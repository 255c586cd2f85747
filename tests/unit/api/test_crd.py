from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, V1CustomResourceDefinition

from offheap.api.crd import FILE, generate, render, write

CRDS = Path(__file__).parents[3] / "crds"
SCHEMA = generate()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
UNKNOWN_TO_STRUCTURAL_SCHEMAS = {
    "$ref", "$defs", "anyOf", "allOf", "oneOf", "const", "examples", "discriminator", "prefixItems", "title",
    "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "additionalProperties", "nullable",
}  # fmt: skip


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


OURS = [(path, node) for path, node in nodes(SCHEMA) if path not in (".apiVersion", ".kind", ".metadata")]
each_node = pytest.mark.parametrize("node", [node for _, node in OURS], ids=[path or "." for path, _ in OURS])


def test_the_committed_file_is_what_the_models_say(tmp_path: Path) -> None:
    assert write(tmp_path).read_text() == (CRDS / FILE).read_text(), "run: make crds"


def test_yaml_says_the_same_as_the_models() -> None:
    assert yaml.safe_load(render(generate())) == generate()


def test_the_kubernetes_client_drops_nothing() -> None:
    model = V1CustomResourceDefinition.from_dict(generate())
    assert ApiClient().sanitize_for_serialization(model) == generate()


@each_node
def test_structural(node: dict[str, Any]) -> None:
    assert not UNKNOWN_TO_STRUCTURAL_SCHEMAS & node.keys()
    assert "type" in node or node.get("x-kubernetes-int-or-string")
    assert node.get("default", "") is not None


@each_node
def test_bounded(node: dict[str, Any]) -> None:
    if node.get("type") == "string" and "enum" not in node and node.get("format") != "date-time":
        assert node["maxLength"] <= 16384
    if node.get("type") == "array":
        assert node["maxItems"] <= 512


def test_every_field_is_described_in_whole_sentences() -> None:
    fields = [(path, node) for path, node in OURS if not path.endswith("[]") or node["type"] == "object"]
    bad = [path for path, node in fields if not node.get("description", "").endswith((".", ")", "}"))]
    assert bad == []


def test_only_what_must_be_said_is_required_of_a_user() -> None:
    required = {path: node["required"] for path, node in OURS if path.startswith(".spec") and "required" in node}
    assert required == {
        ".spec": ["target"],
        ".spec.target": ["kind", "name"],
        ".spec.probes[]": ["name"],
    }
    assert SCHEMA["properties"]["status"].get("required") is None


def test_no_key_reads_as_a_boolean_in_old_yaml() -> None:
    assert not {path.rsplit(".", 1)[-1].lower() for path, _ in OURS} & {"y", "n", "yes", "no", "on", "off"}


def test_the_status_takes_no_default() -> None:
    assert [path for path, node in OURS if path.startswith(".status") and "default" in node] == []
