"""The operator as it is deployed: where it runs, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from .kubectl import Json, Kubectl

SELECTOR = "app.kubernetes.io/name=offheap"


@dataclass(frozen=True)
class Operator:
    """The operator's Deployment."""

    kubectl: Kubectl
    namespace: str
    name: str

    def pods(self) -> list[Json]:
        """Its pods that are not on their way out."""
        pods = self.kubectl.items("pods", "-n", self.namespace, "-l", SELECTOR)
        return [p for p in pods if "deletionTimestamp" not in p["metadata"]]

    def await_rollout(self) -> None:
        """Waits until its Deployment is available."""
        words = ("rollout", "status", f"deployment/{self.name}", "-n", self.namespace, "--timeout=180s")
        self.kubectl.run(*words, timeout_seconds=200)


def deployed(kubectl: Kubectl) -> Operator:
    """The one operator of the cluster; an AssertionError says what to do when it is not there."""
    found = kubectl.items("deployments", "-A", "-l", SELECTOR)
    assert found, f"no Deployment with label {SELECTOR} in the cluster: run `make deploy` first"
    meta, status = found[0]["metadata"], found[0].get("status", {})
    assert status.get("availableReplicas"), (
        f"the operator {meta['namespace']}/{meta['name']} is not available: {status}"
    )
    return Operator(kubectl, meta["namespace"], meta["name"])
