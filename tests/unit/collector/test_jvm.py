"""What the JVM is asked for by its version, and what of its answers may leave."""

from __future__ import annotations

import pytest

from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import FakeJattach, FakeProc, inflated, named, reasons

MAP = """\
from               to                        vsize prot          rss      hugetlb pgsz notes info
0x00007f1000000000-0x00007f1000010000        65536 ---p            0            0 4K   com   STACK-719-user-bob@shop.example -
0x00007f1000010000-0x00007f1000020000        65536 rw-p        65536            0 4K   com   META -
"""


def version(jattach: FakeJattach, number: str, **answers: str) -> None:
    jattach.behave(VM_version=f"printf 'OpenJDK 64-Bit Server VM version x\\nJDK {number}\\n'", **answers)


@pytest.mark.parametrize(
    ("number", "asked", "skipped"),
    [
        ("8.0_504", set(), {("jvm", "JdkTooOld")}),
        ("11.0.32", {"VM.metaspace basic", "Compiler.codecache"}, set()),
        ("17.0.21", {"VM.metaspace basic", "Compiler.codecache"}, set()),
        ("21.0.13", {"VM.metaspace basic", "Compiler.codecache", "System.map"}, set()),
        ("25.0.5", {"VM.metaspace basic", "Compiler.codecache", "System.map", "Compiler.memory"}, set()),
    ],
)
def test_a_jdk_is_asked_for_what_it_has(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, number: str, asked: set[str], skipped: set[tuple[str, str]]
) -> None:
    proc.java(7)
    version(jattach, number, System_map=":", Compiler_memory=":")
    records = collect("sample")
    known = {"VM.metaspace basic", "Compiler.codecache", "System.map", "Compiler.memory"}
    assert set(jattach.calls) & known == asked
    assert reasons(records) == skipped
    assert jattach.calls.count("VM.classloader_stats") == 1


def test_an_early_update_without_a_command_is_no_matter(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    version(jattach, "21.0.1")
    records = collect("sample")
    assert reasons(records) == {("jvm", "CommandUnknown")}
    assert records[-1]["outcome"] == "Completed"


def test_thread_names_in_the_map_stay(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    version(jattach, "21.0.13", System_map=f"cat <<'END'\n{MAP}END\n")
    (record,) = named(collect("sample"), "jvm", "system_map")
    assert inflated(record) == MAP.replace("-user-bob@shop.example", "")
