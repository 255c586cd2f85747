"""The CRD made of the models: pydantic's JSON Schema turned into the structural schema that the apiserver takes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from offheap.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION, MemoryInvestigation

FILE = f"{GROUP}_{PLURAL}.yaml"

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "default",
    "required",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)
"""What the apiserver takes of what pydantic writes, in the order in which a reader wants it."""

COLUMNS = (
    ("Target", ".spec.target.name", "Name of the workload"),
    ("Phase", ".status.phase", "Where the investigation stands"),
    ("Verdict", ".status.verdict.kind", "What leaks"),
    ("Confidence", ".status.verdict.confidence", "How sure the verdict is"),
    ("Growth", ".status.verdict.growthPerHour", "Growth of the leaking memory per hour"),
    ("Restored", ".status.conditions[?(@.type=='Restored')].status", "Whether the workload is as it was"),
)
WIDE_COLUMNS = (
    ("Owner", ".status.verdict.owner", "Who allocates what leaks"),
    ("Limit", ".status.balance.limit", "Memory limit of the container"),
    ("Unexplained", ".status.balance.unexplained", "Memory that nothing explains"),
)


def generate() -> dict[str, Any]:
    """The CustomResourceDefinition of MemoryInvestigation."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mi"],
                "categories": ["offheap"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": structural(MemoryInvestigation.model_json_schema())},
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".status.phase"}],
                    "additionalPrinterColumns": [
                        *(_column(*column) for column in COLUMNS),
                        *(_column(*column) | {"priority": 1} for column in WIDE_COLUMNS),
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                }
            ],
        },
    }


def structural(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A whole JSON Schema of pydantic as structural schema: references resolved, nothing that the apiserver refuses or
    drops.

    Optional means absent, never null. apiVersion, kind and metadata of the root are the apiserver's own.
    """
    root = _resolve(schema, schema.get("$defs", {}))
    root["properties"] |= {
        "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
        "kind": {"type": "string", "description": KIND},
        "metadata": {"type": "object"},
    }
    root["required"] = ["spec"]
    return root


_NOTHING: tuple[object, ...] = (None, "", [])


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix("#/$defs/")] | {k: v for k, v in node.items() if k != "$ref"}
    if "anyOf" in node:
        (present,) = (choice for choice in node["anyOf"] if choice != {"type": "null"})
        return _resolve(present | {k: v for k, v in node.items() if k != "anyOf"}, definitions)
    result = {keyword: node[keyword] for keyword in _KEPT if keyword in node}
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    # An empty default says what an absent field says: storing it would only make the object larger.
    if result.get("default", {}) in _NOTHING:
        del result["default"]
    elif isinstance(result.get("default"), dict):
        result["default"] = {name: value for name, value in result["default"].items() if value not in _NOTHING}
    if "properties" in node:
        result["properties"] = {name: _resolve(child, definitions) for name, child in node["properties"].items()}
    if "items" in node:
        result["items"] = _resolve(node["items"], definitions)
    return result


def _column(name: str, path: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": "string", "description": description, "jsonPath": path}


def render(crd: Mapping[str, Any]) -> str:
    """A CRD as YAML, in the order that it was made in."""
    plain = json.loads(json.dumps(crd))  # no anchors for parts that occur twice
    return "---\n" + yaml.safe_dump(plain, sort_keys=False, width=1000, allow_unicode=True)


def write(directory: Path) -> Path:
    """Write the CRD into `directory` and say where."""
    path = directory / FILE
    path.write_text(render(generate()), encoding="utf-8")
    return path


if __name__ == "__main__":
    write(Path("crds"))
