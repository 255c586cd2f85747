"""What cannot work ends in a condition that says how to mend it, and never with a patched target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .footprint import Footprint
from .kubectl import Json, KubectlError
from .lab import CONTAINER, container, deployment, jvm
from .scene import Scene, condition, phase
from .waiting import wait_for

SHORT = {"interval": "5s", "duration": "20s"}


def test_a_target_that_is_missing(scene: Scene) -> None:
    scene.investigate("nobody")

    assert_failed(scene.finished(), "TargetNotFound", mend="Create it")


def test_a_container_that_is_ambiguous(scene: Scene) -> None:
    sidecar = container(17, name="sidecar", command=["sleep", "infinity"])
    before = scene.deploy(deployment("orders", jvm("healthy", 17), sidecar))
    scene.investigate("orders", container=None)

    assert_failed(scene.finished(), "ContainerAmbiguous", mend="spec.target.container")
    assert scene.footprint("orders") == before


def test_a_container_that_is_not_in_the_pod(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("healthy", 17)))
    scene.investigate("orders", container="web")

    assert_failed(scene.finished(), "ContainerNotFound", mend=CONTAINER)
    assert scene.footprint("orders") == before


def test_a_container_without_a_jvm(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", container(17, command=["sleep", "infinity"])))
    scene.investigate("orders")

    assert_failed(scene.finished(), "NoJvm", mend="spec.target.container")
    assert scene.footprint("orders") == before


def test_variables_that_the_template_takes_from_elsewhere(scene: Scene) -> None:
    """Both variables are set by valueFrom: neither is taken over."""
    flags = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags", "namespace": scene.namespace}}
    scene.kubectl.apply(flags | {"data": {"flags": "-Dshop=1"}})
    reference = {"configMapKeyRef": {"name": "flags", "key": "flags"}}
    env = [{"name": name, "valueFrom": reference} for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")]
    before = scene.deploy(deployment("orders", jvm("direct", 17, env=env)))
    scene.investigate("orders", sampling=SHORT)

    assert_not_instrumented(scene, scene.finished(), before, "NoFreeVariable", mend="free one of the variables")


CLOSED: list[tuple[str, str, Json, str]] = [
    ("attach disabled", "AttachDisabled", {"options": ["-XX:+DisableAttachMechanism"]}, "DisableAttachMechanism"),
    (
        "read-only root file system",
        "TmpNotWritable",
        {
            "securityContext": {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
        },
        "emptyDir",
    ),
]


@pytest.mark.parametrize(("reason", "more", "mend"), [c[1:] for c in CLOSED], ids=[c[0] for c in CLOSED])
def test_a_jvm_that_cannot_be_attached_to(scene: Scene, reason: str, more: dict[str, Any], mend: str) -> None:
    """Restarting it would be in vain, for NMT could not be read: it is observed as it is."""
    before = scene.deploy(deployment("orders", jvm("direct", 21, **more)))
    scene.investigate("orders", sampling=SHORT)

    assert_not_instrumented(scene, scene.finished(), before, reason, mend)


def test_a_namespace_that_forbids_the_collector(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 17)))
    policy = f"no-collector-{scene.namespace}"
    scene.kubectl.apply(*_forbid_ephemeral_containers(policy, scene.namespace))
    try:
        _await_denial(scene)
        scene.investigate("orders")

        assert_failed(scene.finished(), "CollectorDenied", mend="policy")
        assert scene.footprint("orders") == before
    finally:
        names = (f"validatingadmissionpolicybinding/{policy}", f"validatingadmissionpolicy/{policy}")
        scene.kubectl.run("delete", *names)


def test_a_rollout_that_never_becomes_healthy(scene: Scene) -> None:
    """The instrumented pod is never ready; the old one serves all the time."""
    healthy = {"exec": {"command": ["sh", "-c", 'test -z "$JAVA_TOOL_OPTIONS$JDK_JAVA_OPTIONS"']}, "periodSeconds": 5}
    before = scene.deploy(deployment("orders", jvm("direct", 17, readinessProbe=healthy), progressDeadlineSeconds=40))
    scene.investigate("orders")
    scene.instrumented("orders")

    mi = scene.finished()

    assert_failed(mi, "RolloutNotHealthy", mend="intrusion: Attach")
    after = scene.footprint("orders")
    assert after.same_template(before)
    assert before.pods <= after.pods, "the pod that served was replaced"


def assert_failed(mi: Json, reason: str, mend: str) -> None:
    """The final condition names the reason and how to mend it; nothing is left patched."""
    stalled, restored = condition(mi, "Stalled"), condition(mi, "Restored")
    assert phase(mi) == "Failed", stalled
    assert (stalled["status"], stalled["reason"]) == ("True", reason), stalled
    assert mend in stalled["message"], stalled
    assert restored["status"] == "True", restored


def assert_not_instrumented(scene: Scene, mi: Json, before: Footprint, reason: str, mend: str) -> None:
    """The run ends, its Instrumented condition says why the template was left alone, and it was."""
    instrumented = condition(mi, "Instrumented")
    assert (instrumented["status"], instrumented["reason"]) == ("False", reason), instrumented
    assert mend in instrumented["message"], instrumented
    assert scene.footprint("orders") == before


def _forbid_ephemeral_containers(name: str, namespace: str) -> tuple[Json, Json]:
    api = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["pods/ephemeralcontainers"],
    }
    only_here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    validation = {"expression": "false", "message": "no debug containers in this namespace"}
    policy = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [validation]}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": only_here}
    return (
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": policy},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    )


def _await_denial(scene: Scene) -> None:
    """A policy takes a moment to be in force: a dry run tells when."""
    pod = scene.kubectl.items("pods", "-n", scene.namespace)[0]["metadata"]["name"]
    debugger = {"name": "debugger", "image": "none", "securityContext": container(17)["securityContext"]}
    body = json.dumps({"spec": {"ephemeralContainers": [debugger]}})
    words = (
        "patch",
        "pod",
        pod,
        "-n",
        scene.namespace,
        "--subresource=ephemeralcontainers",
        "--dry-run=server",
        "-p",
        body,
    )

    def look() -> tuple[bool | None, str]:
        try:
            scene.kubectl.run(*words)
        except KubectlError as error:
            return ("no debug containers" in str(error) or None), str(error)
        return None, "the patch is allowed"

    wait_for("the policy denies ephemeral containers", look, 60)
