"""Which carrier switches NMT on in which JVM, and that undoing takes away exactly what was added."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.v1alpha1 import InstrumentationStatus
from offheap.api.words import Carrier, Nmt, OptionsVariable
from offheap.investigation.instrumentation import MAX_COMMAND_LINE_BYTES, JvmFacts, choose, nmt_option
from offheap.investigation.problems import Problem
from offheap.investigation.records import undoing
from offheap.investigation.stages import Changes
from offheap.investigation.steps import Unapply
from offheap.investigation.template import (
    FIELD_MANAGER,
    Patch,
    apply_body,
    command_line_patch,
    disowning,
    is_applied,
    last_editor,
    leftovers,
    owns_fields,
)
from offheap.investigation.workload import Workload, workload

Tree = dict[str, Any]
NMT = "-XX:NativeMemoryTracking=summary"
TOOL: Carrier = "JAVA_TOOL_OPTIONS"
JDK: Carrier = "JDK_JAVA_OPTIONS"


def a_workload(container: Tree, *others: Tree, first: bool = True, managed: list[Tree] | None = None) -> Workload:
    app = {"name": "app", "image": "app:1", **container}
    containers = [app, *others] if first else [*others, app]
    return workload(
        {
            "kind": "Deployment",
            "metadata": {"name": "orders", "namespace": "shop", "uid": "u-1", "managedFields": managed or []},
            "spec": {"template": {"spec": {"containers": containers}}},
        }
    )


def facts(version: str = "17.0.15", **changes: Any) -> JvmFacts:
    feature, _, rest = version.partition(".")
    update = int(rest.rpartition(".")[2] or 0)
    found: Tree = {"launcher": True, "options": (), "variables_set": frozenset(), **changes}
    return JvmFacts(feature=int(feature), update=update, **found)


def nmt(level: Nmt = "Summary") -> Changes:
    return Changes(options=(nmt_option(level),))


def removal(target: Workload, carrier: Carrier, container: str, value: str) -> list[Tree]:
    return leftovers(target, Patch(container=container, carrier=carrier, value=value))


def chosen(jvm: JvmFacts, container: Tree, variable: OptionsVariable = "Auto", *, consent: bool = False) -> str:
    """The carrier, or the reason why there is none."""
    found = choose(jvm, a_workload(container), "app", nmt(), variable, consent=consent)
    return found.reason if isinstance(found, Problem) else str(found.carrier)


def applied(document: Tree, operations: list[Tree]) -> Tree | None:
    """RFC 6902 as far as it is used: the new document, or None when a test of the patch does not hold."""
    result = copy.deepcopy(document)
    for one in operations:
        *way, last = one["path"].strip("/").split("/")
        node: Any = result
        for step in way:
            node = node[int(step)] if isinstance(node, list) else node[step]
        key: Any = int(last) if isinstance(node, list) else last
        match one["op"]:
            case "test":
                if (node.get(key) if isinstance(node, dict) else node[key]) != one["value"]:
                    return None
            case "add":
                node[key] = one["value"]
            case "remove":
                del node[key]
    return result


def document(target: Workload) -> Tree:
    return {"metadata": {"uid": target.uid}, "spec": {"template": copy.deepcopy(dict(target.template))}}


def read_back(tree: Tree) -> Workload:
    metadata = {"name": "orders", "namespace": "shop", **tree["metadata"]}
    return workload({"kind": "Deployment", "metadata": metadata, "spec": tree["spec"]})


# Which variable reaches NMT in which JDK, as measured: the launcher of 9 and later reads JDK_JAVA_OPTIONS, all from 17.0.7
# and 18 on take the option from JAVA_TOOL_OPTIONS, and 8 takes it from the command line alone.
ONLY_LAUNCHER = ("11.0.21", "17.0.3", "17.0.6")
BOTH = ("17.0.7", "17.0.15", "18.0.1", "21.0.2", "25")
FROM_TEMPLATE: Tree = {"value": "-Dx=y"}
FROM_ELSEWHERE: Tree = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}


@pytest.mark.parametrize(
    ("version", "expected"),
    [("8.0.402", "CommandLineNotAllowed"), *((v, JDK) for v in ONLY_LAUNCHER), *((v, TOOL) for v in BOTH)],
)
def test_the_variable_that_this_jdk_listens_to(version: str, expected: str) -> None:
    assert chosen(facts(version), {}) == expected


@pytest.mark.parametrize("taken", [FROM_TEMPLATE, FROM_ELSEWHERE, None], ids=["value", "valueFrom", "image"])
@pytest.mark.parametrize(("name", "other"), [(TOOL, JDK), (JDK, TOOL)])
@pytest.mark.parametrize("version", ["8.0.402", *ONLY_LAUNCHER, *BOTH])
def test_a_variable_that_is_taken_is_left_alone(version: str, name: str, other: str, taken: Tree | None) -> None:
    jvm = facts(version, variables_set=frozenset() if taken else frozenset([name]))
    found = chosen(jvm, {"env": [{"name": "A", "value": "b"}, {"name": name, **taken}]} if taken else {})
    if version in BOTH:
        assert found == other
    elif version in ONLY_LAUNCHER:
        assert found == (JDK if name == TOOL else "NoFreeVariable")
    else:
        assert found == "CommandLineNotAllowed"


@pytest.mark.parametrize("version", ["17.0.6", "21.0.2"])
def test_both_taken_is_refused_with_both_reasons(version: str) -> None:
    env = [{"name": TOOL, **FROM_TEMPLATE}, {"name": JDK, **FROM_ELSEWHERE}]
    found = choose(facts(version), a_workload({"env": env}), "app", nmt(), "Auto", consent=False)
    assert isinstance(found, Problem)
    assert found.reason == "NoFreeVariable"
    assert TOOL in found.message
    assert JDK in found.message
    assert NMT in found.message


@pytest.mark.parametrize("version", ["11.0.21", "17.0.6"])
def test_what_is_no_launcher_does_not_read_the_launchers_variable(version: str) -> None:
    assert chosen(facts(version, launcher=False), {}) == "NoFreeVariable"
    assert chosen(facts("21.0.2", launcher=False), {}) == TOOL


@pytest.mark.parametrize(
    ("version", "variable", "expected"),
    [
        ("21.0.2", JDK, JDK),
        ("21.0.2", TOOL, TOOL),
        ("11.0.21", TOOL, "NoFreeVariable"),
        ("11.0.21", JDK, JDK),
    ],
)
def test_the_variable_that_is_asked_for_and_no_other(version: str, variable: OptionsVariable, expected: str) -> None:
    assert chosen(facts(version), {}, variable) == expected
    if expected == variable:
        assert chosen(facts(version), {"env": [{"name": variable, "value": ""}]}, variable) == "NoFreeVariable"


@pytest.mark.parametrize("version", ["8.0.402", "11.0.21", "21.0.2"])
def test_the_command_line_wins_so_nothing_else_is_tried(version: str) -> None:
    jvm = facts(version, options=("-Xmx1g", "-XX:NativeMemoryTracking=off"))
    assert chosen(jvm, {"args": ["java"]}, consent=True) == "OptionOnCommandLine"


def test_a_container_that_is_not_in_the_template() -> None:
    found = choose(facts(), a_workload({}), "injected", nmt(), "Auto", consent=False)
    assert isinstance(found, Problem)
    assert found.reason == "ContainerNotFound"


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"command": ["java"], "args": ["-jar", "a.jar"]}, {"command": ["java", NMT], "args": ["-jar", "a.jar"]}),
        ({"command": ["/opt/jdk/bin/java", "-jar"]}, {"command": ["/opt/jdk/bin/java", NMT, "-jar"]}),
        ({"args": ["java", "-jar", "a.jar"]}, {"args": ["java", NMT, "-jar", "a.jar"]}),
        (
            {"command": ["tini", "--"], "args": ["java", "A"]},
            {"command": ["tini", "--"], "args": ["java", NMT, "A"]},
        ),
        ({"command": ["sh", "-c", "exec java -jar a.jar"]}, "CommandLineNotFound"),
        ({"args": ["-jar", "a.jar"]}, "CommandLineNotFound"),
        ({}, "CommandLineNotFound"),
        ({"command": ["java", "-cp", "x" * MAX_COMMAND_LINE_BYTES, "Main"]}, "CommandLineTooLong"),
        ({"command": ["java"], "args": ["é" * (MAX_COMMAND_LINE_BYTES // 2)]}, "CommandLineTooLong"),
    ],
)
def test_jdk_8_gets_the_option_as_the_first_word_after_java(container: Tree, expected: Tree | str) -> None:
    target = a_workload(container)
    found = choose(facts("8.0.402"), target, "app", nmt(), "Auto", consent=True)
    if isinstance(expected, str):
        assert isinstance(found, Problem)
        assert found.reason == expected
        return
    assert isinstance(found, Patch)
    after = applied(document(target), command_line_patch(target, found))
    assert after is not None
    assert after["spec"]["template"]["spec"]["containers"] == [{"name": "app", "image": "app:1", **expected}]
    back = applied(after, removal(read_back(after), "CommandLine", "app", NMT))
    assert back == document(target)


def test_the_level_is_the_one_that_was_asked_for() -> None:
    found = choose(facts(), a_workload({}), "app", nmt("Detail"), "Auto", consent=False)
    assert isinstance(found, Patch)
    assert found.value == "-XX:NativeMemoryTracking=detail"


def test_server_side_apply_says_no_more_than_the_variable() -> None:
    target = a_workload({"env": [{"name": "A", "value": "b"}]})
    body = apply_body(target, Patch(carrier="JAVA_TOOL_OPTIONS", container="app", value=NMT))
    identity = {"name": "orders", "namespace": "shop", "uid": "u-1"}
    assert body["metadata"] == identity
    assert body["spec"] == {
        "template": {"spec": {"containers": [{"name": "app", "env": [{"name": TOOL, "value": NMT}]}]}}
    }
    assert apply_body(target, None) == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": identity}


OURS = {"name": TOOL, "value": NMT}
A, B = {"name": "A", "value": "a"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
SIDECAR = {"name": "proxy", "image": "p", "env": [OURS]}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("env", "left"),
    [
        ([OURS], None),
        ([OURS, A], [A]),
        ([A, OURS], [A]),
        ([A, OURS, B], [A, B]),
        # The apiserver keeps entries of one name, with a warning; ours is the one with our value.
        ([{"name": TOOL, "value": "theirs"}, OURS], [{"name": TOOL, "value": "theirs"}]),
    ],
)
def test_a_variable_is_taken_away_by_value(env: list[Tree], left: list[Tree] | None, first: bool) -> None:
    target = a_workload({"env": env}, SIDECAR, first=first)
    after = applied(document(target), removal(target, "JAVA_TOOL_OPTIONS", "app", NMT))
    assert after is not None
    expected = {"name": "app", "image": "app:1", **({"env": left} if left else {})}
    containers = after["spec"]["template"]["spec"]["containers"]
    assert containers == ([expected, SIDECAR] if first else [SIDECAR, expected])


@pytest.mark.parametrize(
    ("container", "carrier"),
    [
        ({}, "JAVA_TOOL_OPTIONS"),
        ({"env": [{"name": TOOL, "value": "theirs"}]}, "JAVA_TOOL_OPTIONS"),
        ({"env": [{"name": JDK, "value": NMT}]}, "JAVA_TOOL_OPTIONS"),
        ({"args": ["java", "-XX:NativeMemoryTracking=detail"]}, "CommandLine"),
    ],
)
def test_what_is_not_ours_is_not_taken_away(container: Tree, carrier: Carrier) -> None:
    assert removal(a_workload(container), carrier, "app", NMT) == []
    assert removal(a_workload(container), carrier, "gone", NMT) == []


words = st.lists(st.text(max_size=5), max_size=4)
entries = st.lists(
    st.builds(lambda n, v: {"name": n, "value": v}, st.sampled_from("ABCD"), st.text(max_size=3)), max_size=3
)


@given(before=words, after=words, command=st.none() | words, added=words, at=st.integers(0, 20))
def test_what_the_owner_edits_on_the_command_line_stays(
    before: list[str], after: list[str], command: list[str] | None, added: list[str], at: int
) -> None:
    container: Tree = {"args": [*before, "/usr/bin/java", *after]}
    if command is not None:
        container["command"] = [w for w in command if w.rsplit("/", 1)[-1] != "java"]
    target = a_workload(container)
    patch = choose(facts("8.0.402"), target, "app", nmt(), "Auto", consent=True)
    assert isinstance(patch, Patch)
    patched = applied(document(target), command_line_patch(target, patch))
    assert patched is not None
    assert is_applied(read_back(patched), patch)
    edited, expected = copy.deepcopy(patched), document(target)
    for tree in (edited, expected):
        tree["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    args = edited["spec"]["template"]["spec"]["containers"][0]["args"]
    args[min(at, len(args)) : min(at, len(args))] = added
    expected["spec"]["template"]["spec"]["containers"][0]["args"] = [w for w in args if w != NMT]
    assert applied(edited, removal(read_back(edited), "CommandLine", "app", NMT)) == expected


@given(before=entries, after=entries, others=st.booleans())
def test_what_the_owner_edits_in_the_environment_stays(before: list[Tree], after: list[Tree], others: bool) -> None:
    target = a_workload({"env": [*before, OURS, *after]}, *([SIDECAR] if others else []), first=False)
    left = applied(document(target), removal(target, "JAVA_TOOL_OPTIONS", "app", NMT))
    assert left is not None
    assert read_back(left).container("app") == {
        "name": "app",
        "image": "app:1",
        **({"env": [*before, *after]} if before or after else {}),
    }


EDITS: dict[str, Tree] = {
    "a variable more": {"env": [OURS, A]},
    "a variable before ours": {"env": [A, OURS]},
    "another value": {"env": [{"name": TOOL, "value": "theirs"}]},
    "another name": {"name": "main", "env": [OURS]},
    "a word more": {"env": [OURS], "args": ["java", NMT, "-Xmx1g"]},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_between_reading_and_writing_is_never_overwritten(edit: Tree) -> None:
    """The apiserver refuses the patch as a whole; the next pass reads anew."""
    container: Tree = {"env": [OURS], "args": ["java", NMT]}
    read = a_workload(container)
    moved = document(a_workload({**container, **edit}))
    carriers: list[Carrier] = ["JAVA_TOOL_OPTIONS", "CommandLine"]
    for carrier in carriers:
        after = applied(moved, removal(read, carrier, "app", NMT))
        touched = "env" in edit and edit["env"] != [OURS] if carrier != "CommandLine" else "args" in edit
        assert (after is None) == (touched or "name" in edit)


def test_another_object_of_the_same_name_is_refused() -> None:
    read = a_workload({"env": [OURS]})
    other = document(read) | {"metadata": {"uid": "u-2"}}
    assert applied(other, removal(read, "JAVA_TOOL_OPTIONS", "app", NMT)) is None


def entry(manager: str, operation: str = "Update", time: str = "2026-01-01T00:00:00Z", fields: str = "f:spec") -> Tree:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {fields: {}}}


@pytest.mark.parametrize(
    ("managed", "expected"),
    [
        ([], False),
        ([entry("kubectl", "Apply")], False),
        ([entry("kubectl"), entry(FIELD_MANAGER, "Apply")], True),
        ([entry(FIELD_MANAGER, "Update")], False),
    ],
)
def test_the_apiservers_books_say_whether_something_is_ours(managed: list[Tree], expected: bool) -> None:
    assert owns_fields(a_workload({}, managed=managed)) is expected


def test_the_last_editor_is_another_than_us_and_wrote_the_spec() -> None:
    managed = [
        entry("kubectl-edit", time="2026-01-02T00:00:00Z"),
        entry("argocd"),
        entry("kube-controller-manager", time="2026-01-04T00:00:00Z", fields="f:status"),
        entry(FIELD_MANAGER, "Apply", "2026-01-03T00:00:00Z"),
    ]
    assert last_editor(a_workload({}, managed=managed)) == "kubectl-edit at 2026-01-02T00:00:00Z"
    assert last_editor(a_workload({})) == "somebody"


def books(manager: str, operation: str, variable: Tree) -> list[Tree]:
    """What the apiserver books to a manager that set the variable in container app."""
    env = {'k:{"name":"JAVA_TOOL_OPTIONS"}': variable}
    containers = {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}, "f:env": env}}}
    spec = {"f:spec": {"f:template": {"f:spec": containers}}}
    return [{"manager": manager, "operation": operation, "fieldsV1": spec}]


@pytest.mark.parametrize(
    ("managed", "kept"),
    [
        ([], False),
        (books("kustomize-controller", "Apply", {".": {}, "f:name": {}, "f:value": {}}), True),
        (books("argocd-controller", "Update", {"f:value": {}}), True),
        (books("kustomize-controller", "Apply", {".": {}, "f:name": {}}), False),
        (books("before-first-apply", "Update", {"f:value": {}}), False),
        (books(FIELD_MANAGER, "Update", {"f:value": {}}), False),
        ([entry("kubectl-edit")], False),
    ],
)
def test_a_value_that_somebody_else_has_set_too_is_not_fought_over(managed: list[Tree], kept: bool) -> None:
    target = a_workload({"env": [{"name": TOOL, "value": NMT}]}, managed=managed)
    record = InstrumentationStatus(state="Reverting", carrier=TOOL, container="app", value=NMT)
    undo = undoing(target, record)
    assert (undo is None) is kept
    assert isinstance(
        undoing(replace(target, managed_fields=(*managed, entry(FIELD_MANAGER, "Apply"))), record), Unapply
    )


def test_our_name_is_struck_off_the_books_and_no_other() -> None:
    status = {**entry(FIELD_MANAGER), "subresource": "status"}
    managed = [entry("kubectl"), status, entry(FIELD_MANAGER, "Apply"), entry(FIELD_MANAGER)]
    target = a_workload({}, managed=managed)
    tree = {"metadata": {"uid": target.uid, "managedFields": managed}}
    after = applied(tree, disowning(target))
    assert after is not None
    assert after["metadata"]["managedFields"] == managed[:3]
    assert disowning(a_workload({}, managed=managed[:3])) == []
    moved = {"metadata": {"uid": target.uid, "managedFields": [*managed[:3], entry("kubectl")]}}
    assert applied(moved, disowning(target)) is None
