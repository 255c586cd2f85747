"""What a Deployment looks like from outside, to compare before and after: was it touched, and is it as it was?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from .kubectl import Json, Kubectl


@dataclass(frozen=True)
class Footprint:
    """``template`` and ``template_sha256``: the pod template, whole and hashed over its canonical JSON.

    ``replica_sets``: pod-template-hash of those that want pods; ``pods``: UIDs of the pods that are not on their way out.
    """

    generation: int
    template: str
    template_sha256: str
    replica_sets: frozenset[str]
    pods: frozenset[str]

    def same_template(self, other: Footprint) -> bool:
        """Whether pods of the same template are wanted, by the template and by the ReplicaSet that makes them."""
        return (self.template, self.replica_sets) == (other.template, other.replica_sets)


def footprint(kubectl: Kubectl, namespace: str, name: str) -> Footprint:
    """The Deployment's footprint now."""
    deployment = kubectl.get("deployment", name, namespace)
    assert deployment is not None, f"Deployment {name} is gone"
    template = json.dumps(deployment["spec"]["template"], sort_keys=True, separators=(",", ":"))
    where = ("-n", namespace, "-l", f"app={name}")
    return Footprint(
        generation=deployment["metadata"]["generation"],
        template=template,
        template_sha256=hashlib.sha256(template.encode()).hexdigest(),
        replica_sets=frozenset(
            r["metadata"]["labels"]["pod-template-hash"]
            for r in kubectl.items("replicasets", *where)
            if r["spec"]["replicas"] > 0
        ),
        pods=frozenset(p["metadata"]["uid"] for p in kubectl.items("pods", *where) if _stays(p)),
    )


def _stays(pod: Json) -> bool:
    return "deletionTimestamp" not in pod["metadata"]
