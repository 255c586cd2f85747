"""How Native Memory Tracking is switched on in a pod template: which carrier reaches this JVM, and the patch that adds it. Pure.

Which variable works on which JDK was measured on 8, 11, 17.0.2 to 17.0.15, 21 and 25. The launcher of JDK 9 and later reads
JDK_JAVA_OPTIONS; JAVA_TOOL_OPTIONS reaches NMT only since JDK-8256844 (18, backported to 17.0.5 or so: 17.0.3 not yet,
17.0.7 does). NMT_LEVEL_<pid>, by which older launchers pass the level on, is never set: without the matching flag it crashes
JDK 8, 11 and 17.0.3 at their start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offheap.api.words import Carrier, Nmt, OptionsVariable
from offheap.investigation.problems import Problem
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]
FIELD_MANAGER = "offheap"
VARIABLES: tuple[Literal["JAVA_TOOL_OPTIONS"], Literal["JDK_JAVA_OPTIONS"]] = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")
FIRST_17_UPDATE_THAT_LISTENS = 7
MAX_COMMAND_LINE_BYTES = 8192
"""Of command and args together: they are put on record in the status as they were."""
_API_VERSION = "apps/v1"


@dataclass(frozen=True)
class JvmFacts:
    """What decides the carrier: the JVM as it runs now. ``feature`` 17 and ``update`` 15 for 17.0.15."""

    feature: int
    update: int
    launcher: bool
    """Whether the executable is JDK's own ``java``; only that reads JDK_JAVA_OPTIONS."""
    options: tuple[str, ...]
    """The -X words of its command line."""
    variables_set: frozenset[str]
    """Names of option variables that its environment holds, from wherever (image, envFrom, template)."""


@dataclass(frozen=True)
class Patch:
    """What is to be added to one container, and by what."""

    carrier: Carrier
    container: str
    value: str
    args: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None


def nmt_option(level: Nmt) -> str:
    """The JVM option for a level (java(1), -XX:NativeMemoryTracking)."""
    return f"-XX:NativeMemoryTracking={level.lower()}"


def choose(
    jvm: JvmFacts, workload: Workload, container: str, nmt: Nmt, variable: OptionsVariable, *, consent: bool
) -> Patch | Problem:
    """The mildest change that switches NMT on in this JVM, or why there is none and what to do instead."""
    option = nmt_option(nmt)
    spec = workload.container(container)
    if spec is None:
        return Problem("ContainerNotFound", f"the template of the workload has no container {container!r} to patch.")
    contradicted = [o for o in jvm.options if o.startswith("-XX:NativeMemoryTracking=")]
    if contradicted:
        return Problem(
            "OptionOnCommandLine",
            f"the command line already says {contradicted[0]}, which wins over variables: change it there to {option}.",
        )
    if jvm.feature < 9:
        return command_line(spec, container, option, consent=consent)
    return _variable(jvm, spec, container, option, variable)


def _variable(jvm: JvmFacts, spec: Json, container: str, option: str, wanted: OptionsVariable) -> Patch | Problem:
    reasons: list[str] = []
    for name in VARIABLES if wanted == "Auto" else (wanted,):
        hindrance = _hindrance(name, jvm, spec)
        if hindrance is None:
            return Patch(carrier=name, container=container, value=option)
        reasons.append(f"{name} {hindrance}")
    return Problem(
        "NoFreeVariable",
        f"no variable can carry {option} to this JVM: {'; '.join(reasons)}. "
        f"Add {option} to the options you set yourself, or free one of the variables; values of others are never changed.",
    )


def _hindrance(name: str, jvm: JvmFacts, spec: Json) -> str | None:
    """Why a variable cannot be used, or None when it is free and this JVM listens to it."""
    if name == "JAVA_TOOL_OPTIONS" and not _listens_to_tool_options(jvm):
        return f"does not switch NMT on in JDK {jvm.feature} (JDK-8256844)"
    if name == "JDK_JAVA_OPTIONS" and not jvm.launcher:
        return "is read by the java launcher only, and this JVM was started by another program"
    entry = next((e for e in spec.get("env") or [] if e["name"] == name), None)
    if entry is not None and "valueFrom" in entry:
        return "is set by valueFrom in the template"
    if entry is not None:
        return "is already set in the template"
    if name in jvm.variables_set:
        return "is already set in the container (by its image or envFrom), and would be replaced"
    return None


def _listens_to_tool_options(jvm: JvmFacts) -> bool:
    return jvm.feature >= 18 or (jvm.feature == 17 and jvm.update >= FIRST_17_UPDATE_THAT_LISTENS)


def command_line(spec: Json, container: str, option: str, *, consent: bool) -> Patch | Problem:
    """The option as the first word after ``java`` in command or args."""
    if not consent:
        return Problem(
            "CommandLineNotAllowed",
            f"JDK 8 takes {option} only from its command line, which is a list that belongs to the template's owner. Set "
            "spec.instrumentation.commandLine: true to let offheap add it there for a while (and put the list back), or "
            "add the option yourself.",
        )
    for field in ("command", "args"):
        words = list(spec.get(field) or [])
        at = next((i for i, word in enumerate(words) if word.rsplit("/", 1)[-1] == "java"), None)
        if at is not None and _length_bytes(spec) > MAX_COMMAND_LINE_BYTES:
            return Problem(
                "CommandLineTooLong",
                f"command and args of the template have more than {MAX_COMMAND_LINE_BYTES} bytes, too many to put on record: "
                f"add {option} to them yourself.",
            )
        if at is not None:
            words.insert(at + 1, option)
            return Patch(
                carrier="CommandLine",
                container=container,
                value=option,
                args=tuple(words) if field == "args" else _words(spec, "args"),
                command=tuple(words) if field == "command" else _words(spec, "command"),
            )
    return Problem(
        "CommandLineNotFound",
        "neither command nor args of the template has the word java (the image's entrypoint or a shell starts it): add "
        f"{option} where that reads its options.",
    )


def _length_bytes(spec: Json) -> int:
    return sum(len(word.encode()) for field in ("command", "args") for word in spec.get(field) or [])


def _words(spec: Json, field: str) -> tuple[str, ...] | None:
    return tuple(spec[field]) if field in spec else None


def apply_body(workload: Workload, patch: Patch | None) -> dict[str, Any]:
    """The server-side apply of everything we own in the workload: the patch, or nothing (which takes ours away).

    It carries the UID, so that an object created anew under the name is never touched.
    """
    body: dict[str, Any] = {
        "apiVersion": _API_VERSION,
        "kind": workload.kind,
        "metadata": {"name": workload.name, "namespace": workload.namespace, "uid": workload.uid},
    }
    if patch is not None:
        env = [{"name": patch.carrier, "value": patch.value}]
        body["spec"] = {"template": {"spec": {"containers": [{"name": patch.container, "env": env}]}}}
    return body


def command_line_patch(workload: Workload, patch: Patch) -> list[dict[str, Any]]:
    """JSON patch (RFC 6902) that sets command and args, if the object and both lists are still as they were read."""
    return _swap(workload, patch.container, {"command": patch.command, "args": patch.args})


def removal(workload: Workload, carrier: Carrier, container: str, value: str) -> list[dict[str, Any]]:
    """JSON patch that takes exactly our value out of the container and leaves every edit of others alone.

    For the command line, and for a variable whose ownership record somebody wiped (kubectl replace). Its tests make the
    apiserver refuse it when the object moved meanwhile.
    """
    spec = workload.container(container)
    if spec is None or not carries(spec, carrier, value):
        return []
    if carrier == "CommandLine":
        kept = {f: [w for w in spec[f] if w != value] for f in ("command", "args") if f in spec}
        return _swap(workload, container, kept)
    _, path = _locate(workload, container)
    at = next(i for i, e in enumerate(spec["env"]) if e["name"] == carrier and e.get("value") == value)
    entry = f"{path}/env" if len(spec["env"]) == 1 else f"{path}/env/{at}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": workload.uid},
        {"op": "test", "path": f"{path}/name", "value": container},
        {"op": "test", "path": f"{path}/env", "value": spec["env"]},
        {"op": "remove", "path": entry},
    ]


def _locate(workload: Workload, container: str) -> tuple[int, str]:
    containers = workload.template["spec"]["containers"]
    index = next(i for i, c in enumerate(containers) if c["name"] == container)
    return index, f"/spec/template/spec/containers/{index}"


def _swap(workload: Workload, container: str, fields: Mapping[str, Sequence[str] | None]) -> list[dict[str, Any]]:
    index, path = _locate(workload, container)
    now_spec = workload.template["spec"]["containers"][index]
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": workload.uid},
        {"op": "test", "path": f"{path}/name", "value": container},
    ]
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


def owns_fields(workload: Workload) -> bool:
    """Whether the apiserver's books still list us as the applier of something in this object."""
    return any(e.get("manager") == FIELD_MANAGER and e.get("operation") == "Apply" for e in workload.managed_fields)


def is_kept_by_others(workload: Workload, carrier: Carrier, container: str) -> bool:
    """Whether another manager has set the variable to its present value too, so that it is theirs and stays.

    ``before-first-apply`` is nobody: the apiserver books everything to it that was there when the books were empty.
    """
    path = ("f:spec", "f:template", "f:spec", "f:containers", _key(container), "f:env", _key(carrier))
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


def is_overwritten(workload: Workload, carrier: Carrier, container: str, value: str) -> bool:
    """Whether the container has the variable, but with another value than ours: somebody changed it after us."""
    entries = [e for e in (workload.container(container) or {}).get("env") or [] if e["name"] == carrier]
    return bool(entries) and all(e.get("value") != value for e in entries)


def is_applied(workload: Workload, carrier: Carrier, container: str, value: str) -> bool:
    """Whether the container of this template (or pod) carries the patch."""
    spec = workload.container(container)
    return spec is not None and carries(spec, carrier, value)


def carries(container: Json, carrier: Carrier, value: str) -> bool:
    """Whether one container's JSON has the option where the carrier puts it."""
    if carrier == "CommandLine":
        return value in [*(container.get("command") or []), *(container.get("args") or [])]
    return any(e["name"] == carrier and e.get("value") == value for e in container.get("env") or [])


def last_editor(workload: Workload) -> str:
    """Who else changed the object's spec last, by the apiserver's books: ``manager at time``, for messages."""
    others = [
        e
        for e in workload.managed_fields
        if e.get("manager") != FIELD_MANAGER and "f:spec" in (e.get("fieldsV1") or {})
    ]
    newest = max(others, key=lambda e: str(e.get("time", "")), default=None)
    return "somebody" if newest is None else f"{newest.get('manager')} at {newest.get('time')}"
