"""One namespace of the cluster with the Deployments and investigations of one test, in the words the tests are written in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .footprint import Footprint, footprint
from .kubectl import Json, Kubectl
from .lab import CONTAINER
from .waiting import wait_for

FINAL = ("Succeeded", "Inconclusive", "Failed", "Cancelled")
INVESTIGATION_SECONDS = 720.0
"""Two rollouts, three collectors and 75 s of sampling take three minutes alone; four at a time share two cores."""

RELEASE_SECONDS = 30.0


@dataclass(frozen=True)
class Scene:
    """``namespace`` exists for this test alone."""

    kubectl: Kubectl
    namespace: str

    def deploy(self, deployment: Json) -> Footprint:
        """Applies a Deployment and waits until it is available."""
        self.kubectl.apply(deployment | {"metadata": deployment["metadata"] | {"namespace": self.namespace}})
        name = deployment["metadata"]["name"]
        words = ("rollout", "status", f"deployment/{name}", "-n", self.namespace, "--timeout=180s")
        self.kubectl.run(*words, timeout_seconds=200)
        return self.footprint(name)

    def footprint(self, name: str) -> Footprint:
        """The Deployment as it is now."""
        return footprint(self.kubectl, self.namespace, name)

    def investigate(self, target: str, *, name: str = "why", container: str | None = CONTAINER, **spec: Any) -> None:
        """Applies an investigation of a Deployment with short sampling; ``spec`` are further fields of its spec."""
        named = {} if container is None else {"container": container}
        defaults: Json = {
            "target": {"kind": "Deployment", "name": target, **named},
            "intrusion": "Restart",
            "sampling": {"interval": "5s", "duration": "75s"},
            "deadline": "15m",
        }
        self.kubectl.apply(
            {
                "apiVersion": "offheap.dev/v1alpha1",
                "kind": "MemoryInvestigation",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": defaults | spec,
            }
        )

    def investigation(self, name: str = "why") -> Json | None:
        """The resource as it is now, or None."""
        return self.kubectl.get("memoryinvestigation", name, self.namespace)

    def finished(self, name: str = "why", timeout_seconds: float = INVESTIGATION_SECONDS) -> Json:
        """The investigation in its final phase, without a finalizer: that is released by the write after the phase's."""
        self.reached(f"{name} finishes", lambda mi: phase(mi) in FINAL, name, timeout_seconds)
        return self.reached(f"{name} lets go", lambda mi: not mi["metadata"].get("finalizers"), name, RELEASE_SECONDS)

    def reached(
        self,
        what: str,
        holds: Callable[[Json], bool],
        name: str = "why",
        timeout_seconds: float = INVESTIGATION_SECONDS,
    ) -> Json:
        """The investigation once something holds of it."""

        def look() -> tuple[Json | None, str]:
            mi = self.investigation(name)
            if mi is None:
                return None, "no such investigation"
            ready = condition(mi, "Ready")
            return (
                mi if holds(mi) else None
            ), f"phase {phase(mi)}, Ready: {ready.get('reason')} {ready.get('message')}"

        return wait_for(what, look, timeout_seconds)

    def instrumented(self, target: str) -> None:
        """Waits until the Deployment's template carries the NMT option."""

        def look() -> tuple[bool | None, str]:
            deployment = self.kubectl.get("deployment", target, self.namespace)
            template = json.dumps(deployment["spec"]["template"]) if deployment else ""
            return ("NativeMemoryTracking" in template or None), template

        wait_for("the template carries the option", look, 240, every_seconds=0.5)

    def settled(self, target: str, as_before: Footprint, timeout_seconds: float = 180) -> Footprint:
        """Waits until the template is as before and only pods of its ReplicaSet are wanted."""

        def look() -> tuple[Footprint | None, str]:
            now = self.footprint(target)
            return (now if now.same_template(as_before) else None), f"{now.template} in ReplicaSets {now.replica_sets}"

        return wait_for("the Deployment is as before", look, timeout_seconds)

    def row(self, name: str = "why") -> dict[str, str]:
        """What `kubectl get mi` prints of it, by column."""
        words = ("get", "mi", name, "-n", self.namespace)
        header, line = self.kubectl.run(*words).splitlines()[:2]
        starts = [i for i, c in enumerate(header) if c != " " and (i == 0 or header[i - 1] == " ")]
        ends = [*starts[1:], None]
        return {header[a:b].strip(): line[a:b].strip() for a, b in zip(starts, ends, strict=True)}


@contextmanager
def namespace(kubectl: Kubectl, pod_security: str) -> Iterator[Scene]:
    """A new namespace under this level of Pod Security; with it goes what is in it."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": pod_security, "offheap.dev/e2e": "true"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield Scene(kubectl, name)
    kubectl.run("delete", "namespace", name, "--wait=false")


def phase(mi: Json) -> str:
    """status.phase, or nothing before the first visit."""
    return str(mi.get("status", {}).get("phase", ""))


def condition(mi: Json, kind: str) -> Json:
    """The condition of this type; empty when there is none."""
    return next((c for c in mi.get("status", {}).get("conditions", []) if c["type"] == kind), {})
