"""The change to a pod template: what is added, whether it is there, and how exactly it is taken away again. Pure.

All that is added is additive and ours by the apiserver's books (server-side apply), except words of the command line, which
is a list that belongs to the template's owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offheap.api.words import Allocator, Carrier
from offheap.investigation.stages import MOUNT
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]
Variable = tuple[str, str]
FIELD_MANAGER = "offheap"
BRINGER = "offheap-allocator"
"""Name of the init container that brings the allocator's library, and of the volume that it brings it into."""
_API_VERSION = "apps/v1"
_MOST_ON_DISK = "1Gi"
"""The profiles are taken away as they appear; a pod over it would be evicted, so it is far above what is ever there."""


@dataclass(frozen=True)
class Patch:
    """What is to be added to one container, and by what. ``carrier`` None: no options for the JVM."""

    container: str
    carrier: Carrier | None = None
    value: str = ""
    environment: tuple[Variable, ...] = ()
    allocator: Allocator = "None"
    args: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable that is set, the one with the JVM's options first."""
        own = () if self.carrier in (None, "CommandLine") else ((str(self.carrier), self.value),)
        return own + self.environment

    @property
    def words(self) -> tuple[str, ...]:
        """The words that go to the command line."""
        return tuple(self.value.split()) if self.carrier == "CommandLine" else ()

    @property
    def is_applied_by_server(self) -> bool:
        """Whether anything of it is added by server-side apply."""
        return bool(self.variables) or self.allocator != "None"


def apply_body(
    workload: Workload, patch: Patch | None, image: str = "", pull_policy: str = "IfNotPresent"
) -> dict[str, Any]:
    """The server-side apply of everything we own in the workload: the patch, or nothing (which takes ours away).

    It carries the UID, so that an object created anew under the name is never touched. ``image`` has the allocator's library.
    """
    body: dict[str, Any] = {
        "apiVersion": _API_VERSION,
        "kind": workload.kind,
        "metadata": {"name": workload.name, "namespace": workload.namespace, "uid": workload.uid},
    }
    if patch is None or not patch.is_applied_by_server:
        return body
    container: dict[str, Any] = {"name": patch.container}
    if patch.variables:
        container["env"] = [{"name": name, "value": value} for name, value in patch.variables]
    spec: dict[str, Any] = {"containers": [container]}
    if patch.allocator != "None":
        mount = {"name": BRINGER, "mountPath": MOUNT}
        container["volumeMounts"] = [mount]
        spec["volumes"] = [{"name": BRINGER, "emptyDir": {"sizeLimit": _MOST_ON_DISK}}]
        spec["initContainers"] = [_bringer(image, pull_policy, mount)]
    body["spec"] = {"template": {"spec": spec}}
    return body


def _bringer(image: str, pull_policy: str, mount: Json) -> dict[str, Any]:
    """Copies the libraries and ends; it runs under Pod Security restricted, as the image's own user."""
    return {
        "name": BRINGER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": ["cp", "-r", "/opt/offheap/allocators/.", f"{MOUNT}/"],
        "volumeMounts": [dict(mount)],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def command_line_patch(workload: Workload, patch: Patch) -> list[dict[str, Any]]:
    """JSON patch (RFC 6902) that sets command and args, if the object and both lists are still as they were read."""
    return _swap(workload, patch.container, {"command": patch.command, "args": patch.args})


def is_applied(workload: Workload, patch: Patch) -> bool:
    """Whether the template carries the whole patch."""
    return is_in(workload.template["spec"], patch)


def is_in(pod_spec: Json, patch: Patch) -> bool:
    """Whether a template's or pod's spec carries the whole patch."""
    container = next((c for c in pod_spec["containers"] if c["name"] == patch.container), None)
    if container is None or not all(_sets(container, one) for one in patch.variables):
        return False
    brought = patch.allocator == "None" or bool(_named(pod_spec.get("initContainers"), BRINGER))
    return brought and has_words(container, patch)


def has_words(container: Json, patch: Patch) -> bool:
    """Whether the words for the command line are there."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    return all(word in words for word in patch.words)


def is_overwritten(workload: Workload, patch: Patch) -> bool:
    """Whether the container has one of the variables, but with another value than ours: somebody changed it after us."""
    container = workload.container(patch.container) or {}
    env = {entry["name"]: entry.get("value") for entry in container.get("env") or []}
    return any(name in env and env[name] != value for name, value in patch.variables)


def owns_fields(workload: Workload) -> bool:
    """Whether the apiserver's books still list us as the applier of something in this object."""
    return any(e.get("manager") == FIELD_MANAGER and e.get("operation") == "Apply" for e in workload.managed_fields)


def leftovers(workload: Workload, patch: Patch) -> list[dict[str, Any]]:
    """JSON patch that takes exactly what is left of ours out of the template and leaves every edit of others alone.

    For the command line, and for what the apiserver does not know as ours any more (kubectl replace wipes its books). One
    variable, or the allocator, or the command line at a time; empty when nothing is left. A variable that another manager has
    set to the same value too is theirs and stays. Its tests make the apiserver refuse it when the object moved meanwhile.
    """
    spec = workload.container(patch.container)
    if spec is None:
        return []
    for name, value in patch.variables:
        if _sets(spec, (name, value)) and not _is_kept_by_others(workload, name, patch.container):
            return _without_variable(workload, patch.container, name, value)
    if patch.allocator != "None" and (brought := _without_allocator(workload)):
        return brought
    if patch.words and any(word in [*(spec.get("command") or []), *(spec.get("args") or [])] for word in patch.words):
        kept = {f: [w for w in spec[f] if w not in patch.words] for f in ("command", "args") if f in spec}
        return _swap(workload, patch.container, kept)
    return []


def _without_variable(workload: Workload, container: str, name: str, value: str) -> list[dict[str, Any]]:
    spec, path = _located(workload, container)
    at = next(i for i, e in enumerate(spec["env"]) if e["name"] == name and e.get("value") == value)
    entry = f"{path}/env" if len(spec["env"]) == 1 else f"{path}/env/{at}"
    return [
        *_same(workload, container, path),
        {"op": "test", "path": f"{path}/env", "value": spec["env"]},
        {"op": "remove", "path": entry},
    ]


def _without_allocator(workload: Workload) -> list[dict[str, Any]]:
    spec = workload.template["spec"]
    operations: list[dict[str, Any]] = []
    for index, container in enumerate(spec["containers"]):
        operations += _without(container.get("volumeMounts"), f"/spec/template/spec/containers/{index}/volumeMounts")
    operations += _without(spec.get("initContainers"), "/spec/template/spec/initContainers")
    operations += _without(spec.get("volumes"), "/spec/template/spec/volumes")
    return [{"op": "test", "path": "/metadata/uid", "value": workload.uid}, *operations] if operations else []


def _without(items: Sequence[Json] | None, path: str) -> list[dict[str, Any]]:
    at = next((i for i, item in enumerate(items or []) if item.get("name") == BRINGER), None)
    if items is None or at is None:
        return []
    entry = path if len(items) == 1 else f"{path}/{at}"
    return [{"op": "test", "path": path, "value": list(items)}, {"op": "remove", "path": entry}]


def _located(workload: Workload, container: str) -> tuple[Json, str]:
    containers = workload.template["spec"]["containers"]
    index = next(i for i, c in enumerate(containers) if c["name"] == container)
    return containers[index], f"/spec/template/spec/containers/{index}"


def _same(workload: Workload, container: str, path: str) -> list[dict[str, Any]]:
    return [
        {"op": "test", "path": "/metadata/uid", "value": workload.uid},
        {"op": "test", "path": f"{path}/name", "value": container},
    ]


def _swap(workload: Workload, container: str, fields: Mapping[str, Sequence[str] | None]) -> list[dict[str, Any]]:
    now_spec, path = _located(workload, container)
    operations = _same(workload, container, path)
    for field, words in fields.items():
        now = now_spec.get(field)
        wanted = None if words is None else list(words)
        if now == wanted:
            continue
        if now is not None:
            operations.append({"op": "test", "path": f"{path}/{field}", "value": now})
        if wanted is None:
            operations.append({"op": "remove", "path": f"{path}/{field}"})
        else:
            operations.append({"op": "add", "path": f"{path}/{field}", "value": wanted})
    return operations


def _sets(container: Json, variable: Variable) -> bool:
    name, value = variable
    return any(e["name"] == name and e.get("value") == value for e in container.get("env") or [])


def _named(items: Sequence[Json] | None, name: str) -> Json | None:
    return next((item for item in items or [] if item.get("name") == name), None)


def _is_kept_by_others(workload: Workload, name: str, container: str) -> bool:
    """``before-first-apply`` is nobody: the apiserver books everything to it that was there when the books were empty."""
    path = ("f:spec", "f:template", "f:spec", "f:containers", _key(container), "f:env", _key(name))
    for one in workload.managed_fields:
        if one.get("manager") in (FIELD_MANAGER, "before-first-apply"):
            continue
        node: Any = one.get("fieldsV1") or {}
        for step in path:
            node = node.get(step) or {}
        if "f:value" in node:
            return True
    return False


def _key(name: str) -> str:
    """An item of a list, as the apiserver's books write it (FieldsV1)."""
    return f'k:{{"name":"{name}"}}'


def disowning(workload: Workload, operation: Literal["Update", "Apply"] = "Update") -> list[dict[str, Any]]:
    """JSON patch that strikes us off the apiserver's books and leaves the content alone; empty when we are not there.

    Whoever changed a list last owns it, also after it was put back (Update): the next server-side apply of the command line
    by its real owner would be refused for a conflict with us. And an un-apply of a variable whose value somebody else has
    changed (Apply) would take their value away with the item that we own.
    """
    for at, one in enumerate(workload.managed_fields):
        ours = one.get("manager") == FIELD_MANAGER and one.get("operation") == operation
        if ours and not one.get("subresource"):
            entry = f"/metadata/managedFields/{at}"
            return [
                {"op": "test", "path": "/metadata/uid", "value": workload.uid},
                {"op": "test", "path": f"{entry}/manager", "value": FIELD_MANAGER},
                {"op": "test", "path": f"{entry}/operation", "value": operation},
                {"op": "remove", "path": entry},
            ]
    return []


def last_editor(workload: Workload) -> str:
    """Who else changed the object's spec last, by the apiserver's books: ``manager at time``, for messages."""
    others = [
        e
        for e in workload.managed_fields
        if e.get("manager") != FIELD_MANAGER and "f:spec" in (e.get("fieldsV1") or {})
    ]
    newest = max(others, key=lambda e: str(e.get("time", "")), default=None)
    return "somebody" if newest is None else f"{newest.get('manager')} at {newest.get('time')}"
