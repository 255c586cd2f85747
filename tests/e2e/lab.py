"""The lab's programs as Deployments: what a user would write to run them, under Pod Security `restricted`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .kubectl import Json

REGISTRY = Path(__file__).resolve().parents[2] / "lab" / "programs.yaml"
CONTAINER = "app"
SLOW_ROLLOUT: Json = {"minReadySeconds": 10}
"""For tests that act in the middle of a rollout: on an idle machine it would be over within a second."""


@dataclass(frozen=True)
class Program:
    """One row of the registry: a program, the verdicts that are right, and whom they should name ("": nobody)."""

    kind: str
    verdicts: frozenset[str]
    owner: str
    options: tuple[str, ...]
    memory_limit: str
    mib_per_minute: float
    cap_mib: float


def program(kind: str) -> Program:
    """The program of this kind."""
    registry = yaml.safe_load(REGISTRY.read_text())
    row = next(p for p in registry["programs"] if p["kind"] == kind)
    merged = {**registry["defaults"], **row}
    return Program(
        kind=kind,
        verdicts=frozenset([row["verdict"], *row.get("also", [])]),
        owner=row.get("owner", ""),
        options=(*registry["defaults"]["options"], *row.get("options", [])),
        memory_limit=merged["memory_limit"],
        mib_per_minute=merged["mib_per_minute"],
        cap_mib=merged["cap_mib"],
    )


def jvm(kind: str, jdk: int, *, options: Sequence[str] = (), env: Sequence[Json] = (), **more: Any) -> Json:
    """The container that runs a program; ``more`` are fields of the container as they are."""
    known = program(kind)
    rate = [
        {"name": "LAB_MIB_PER_MINUTE", "value": str(known.mib_per_minute)},
        {"name": "LAB_CAP_MIB", "value": str(known.cap_mib)},
    ]
    return container(jdk, limit=known.memory_limit) | {
        "command": ["java"],
        "args": [*known.options, *options, "offheap.lab.Main", kind],
        "env": [*rate, *env],
        **more,
    }


def container(jdk: int, *, name: str = CONTAINER, limit: str = "64Mi", command: Sequence[str] = ()) -> Json:
    """A container of the lab's image, as `restricted` wants it; without a command it runs what the image says."""
    return {
        **({"command": list(command)} if command else {}),
        "name": name,
        "image": f"offheap/lab-jdk{jdk}:dev",
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": limit}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def deployment(name: str, *containers: Json, run_as_user: int | None = None, **spec: Any) -> Json:
    """A Deployment of one replica; ``spec`` are further fields of its spec."""
    labels = {"app": name}
    security: Json = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if run_as_user is not None:
        security |= {"runAsUser": run_as_user, "runAsGroup": run_as_user}
    pod = {"terminationGracePeriodSeconds": 2, "securityContext": security, "containers": list(containers)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }
