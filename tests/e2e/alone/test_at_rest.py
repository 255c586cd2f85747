"""When everything is finished the operator writes nothing: no object of its world moves for two minutes."""

from __future__ import annotations

import time

from ..kubectl import Json, Kubectl
from ..lab import deployment, jvm
from ..operator import Operator
from ..scene import FINAL, Scene, phase
from ..test_deployed import metrics
from ..waiting import wait_for

REST_SECONDS = 120
WORLD = "memoryinvestigations,deployments,replicasets,statefulsets,daemonsets,pods,configmaps"
KUBELET_SETTLES_SECONDS = 20


def test_two_minutes_pass_without_a_write(scene: Scene, operator: Operator) -> None:
    scene.deploy(deployment("orders", jvm("direct", 17)))
    scene.investigate("orders", name="patched", sampling={"interval": "5s", "duration": "30s"})
    scene.investigate("nobody", name="failed")
    scene.finished("patched")
    scene.finished("failed")
    wait_for("all investigations of the cluster are finished", lambda: _all_finished(scene.kubectl), 600)
    time.sleep(KUBELET_SETTLES_SECONDS)

    before, written = _versions(scene, operator), _writes(scene, operator)
    time.sleep(REST_SECONDS)
    after = _versions(scene, operator)
    assert _writes(scene, operator) == written, "the operator counts requests of its own that write"

    moved = {key: after.get(key, "gone") for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert not moved, f"written during {REST_SECONDS} s of rest, with the newest writer: {moved}"


def _all_finished(kubectl: Kubectl) -> tuple[bool | None, str]:
    open_ones = [mi for mi in kubectl.items("memoryinvestigations", "-A") if phase(mi) not in FINAL]
    return (not open_ones or None), ", ".join(f"{mi['metadata']['name']}: {phase(mi)}" for mi in open_ones)


def _writes(scene: Scene, operator: Operator) -> dict[str, float]:
    """By the operator's own count: this also sees a write that changes nothing."""
    counted = metrics(scene.kubectl, operator)
    return {name: value for name, value in counted.items() if name.startswith("offheap_api_writes_total")}


def _versions(scene: Scene, operator: Operator) -> dict[str, str]:
    """Every object of the test's and the operator's namespaces, and all investigations: version and newest writer."""
    found = [
        *scene.kubectl.items("memoryinvestigations", "-A"),
        *scene.kubectl.items(WORLD, "-n", scene.namespace),
        *scene.kubectl.items(f"{WORLD},leases", "-n", operator.namespace),
        *(e for e in scene.kubectl.items("events", "-n", scene.namespace) if _is_ours(e)),
    ]
    return {_key(o): f"{o['metadata']['resourceVersion']} by {_writer(o)}" for o in found}


def _is_ours(event: Json) -> bool:
    return "offheap" in f"{event.get('reportingComponent')} {event.get('source', {}).get('component')}"


def _key(obj: Json) -> str:
    return f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _writer(obj: Json) -> str:
    entries = obj["metadata"].get("managedFields", [])
    newest: Json = max(entries, key=lambda e: str(e.get("time", "")), default={})
    return f"{newest.get('manager')} at {newest.get('time')}"
