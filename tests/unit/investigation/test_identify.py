"""What is read from a collector's first words, also from odd ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.identity import JvmIdentity
from offheap.evidence.stream import End, EvidenceRecord, Stream
from offheap.investigation.identify import FoundProcess, facts, found_identity, found_process, jvm_status
from offheap.investigation.instrumentation import JvmFacts
from offheap.investigation.problems import Problem
from tests.unit.investigation.world import identity

ROW = {"pid": 7, "uid": 1000, "gid": 2000, "cap_eff": "0000000000000000"}


def stream(name: str, data: object, end: End | None = None) -> Stream:
    record = EvidenceRecord(seq=1, at=0.0, elapsed_seconds=0.0, probe="process", name=name, sample=None, data=data)
    return Stream(evidence=(record,), end=end)


def looked(*rows: object, target: object = 7) -> Stream:
    return stream("processes", {"processes": list(rows), "target_pid": target})


def test_the_one_jvm_and_its_user() -> None:
    found = found_process(looked({**ROW, "pid": 1, "uid": 0}, ROW))
    assert found == FoundProcess(pid=7, user=1000, group=2000, has_capabilities=False)


@pytest.mark.parametrize(("mask", "expected"), [("0", False), ("00000000a80425fb", True), ("0000000000000400", True)])
def test_whether_it_has_capabilities(mask: str, expected: bool) -> None:
    found = found_process(looked({**ROW, "cap_eff": mask}))
    assert isinstance(found, FoundProcess)
    assert found.has_capabilities is expected


def test_nothing_said_yet_is_neither_an_answer_nor_a_problem() -> None:
    assert found_process(Stream()) is None
    assert found_identity(Stream()) is None
    assert found_process(looked(ROW, target=None)) is None
    assert found_process(looked({**ROW, "pid": 1})) is None


@pytest.mark.parametrize(
    ("outcome", "reason", "help_text"),
    [
        ("NoJvm", "NoJvm", "spec.target.container"),
        ("AmbiguousJvm", "AmbiguousJvm", "one JVM"),
        ("DeadlineExceeded", "DeadlineExceeded", "kubectl logs"),
        ("Completed", "CollectorFailed", "kubectl logs"),
    ],
)
def test_an_end_without_an_answer_is_a_problem_with_help(outcome: str, reason: str, help_text: str) -> None:
    for found in (found_process(Stream(end=End(outcome, "so it was."))), found_identity(Stream(end=End(outcome, "")))):
        assert isinstance(found, Problem)
        assert found.reason == reason
        assert help_text in found.message
        assert ".." not in found.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["pid", "uid", "gid", "processes", "target_pid", "feature", "attach"]), inner)
    ),
    max_leaves=8,
)


@given(data=json_values)
def test_odd_evidence_is_never_an_exception(data: Any) -> None:
    assert isinstance(found_process(stream("processes", data)), FoundProcess | Problem | None)
    assert isinstance(found_identity(stream("identity", data)), JvmIdentity | Problem | None)


@given(row=st.fixed_dictionaries({"pid": st.just(7), "uid": json_values, "gid": json_values, "cap_eff": json_values}))
def test_an_odd_row_is_a_problem_at_most(row: dict[str, Any]) -> None:
    assert isinstance(found_process(looked(row)), FoundProcess | Problem)


def known(**changes: Any) -> JvmIdentity:
    found = found_identity(stream("identity", identity(**changes)))
    assert isinstance(found, JvmIdentity)
    return found


def test_the_jvm_as_the_status_shows_it() -> None:
    shown = jvm_status(known())
    assert (shown.vm, shown.version, shown.pid, shown.start_time_ticks) == ("HotSpot", "17.0.15", 1, 100)
    assert (shown.max_heap, shown.nmt, shown.gc) == ("64Mi", "off", "Serial")
    assert jvm_status(known(max_heap_bytes=None)).max_heap is None


def test_what_decides_the_carrier() -> None:
    jvm = known(env={"JAVA_TOOL_OPTIONS": True, "LD_PRELOAD": False}, options=["-Xmx1g"], exe="/opt/jdk/bin/java")
    assert facts(jvm) == JvmFacts(
        feature=17,
        update=15,
        launcher=True,
        options=("-Xmx1g",),
        variables_set=frozenset({"JAVA_TOOL_OPTIONS"}),
    )


@pytest.mark.parametrize(
    ("exe", "launcher"), [("java", True), ("/usr/bin/java", True), ("/usr/bin/jsvc", False), ("", False)]
)
def test_only_java_is_the_launcher(exe: str, launcher: bool) -> None:
    found = facts(known(exe=exe, update=None))
    assert isinstance(found, JvmFacts)
    assert (found.launcher, found.update) == (launcher, 0)


def test_a_jdk_without_a_version_is_not_patched() -> None:
    found = facts(known(feature=None, version="experimental"))
    assert isinstance(found, Problem)
    assert (found.reason, "experimental" in found.message) == ("UnknownJdk", True)
