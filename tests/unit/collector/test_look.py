"""Which process is the JVM: told from what any user may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import MAPS, FakeProc, named

ELF_NATIVE = (
    b"\x7fELF\x02\x01" + bytes(34) + (64).to_bytes(8, "little") + bytes(10) + (64).to_bytes(2, "little") + bytes(4)
)


def test_the_jvm_behind_a_shell_and_an_init_is_the_target(proc: FakeProc, collect: Collect) -> None:
    proc.add(1, "tini", "tini", "--", "sh", "-c", "java -jar app.jar", exe="/sbin/tini")
    proc.add(6, "sh", "sh", "-c", "java -jar app.jar", exe="/bin/sh", parent=1)
    proc.java(7, parent=6)
    hello, looked, end = collect("look")
    assert (hello["type"], hello["step"], hello["version"]) == ("hello", "look", 1)
    assert looked["data"]["jvms"] == [7]
    assert looked["data"]["target_pid"] == 7
    assert [p["comm"] for p in looked["data"]["processes"]] == ["tini", "sh", "java"]
    java = looked["data"]["processes"][2]
    assert java["cap_eff"] == "0000000000000000"
    assert java["rss_bytes"] == 5000 * 4096
    assert end["outcome"] == "Completed"


def test_another_users_jvm_is_known_by_its_name_alone(proc: FakeProc, collect: Collect) -> None:
    proc.add(1, "java", "/opt/java/bin/java", "-jar", "app.jar")
    assert named(collect("look"), "process", "processes")[0]["data"]["target_pid"] == 1


def test_a_launcher_of_its_own_is_known_by_the_library(proc: FakeProc, collect: Collect) -> None:
    proc.add(1, "jsvc", "jsvc.exec", exe="/usr/bin/jsvc", maps=MAPS)
    assert named(collect("look"), "process", "processes")[0]["data"]["target_pid"] == 1


def test_a_script_called_java_is_none(proc: FakeProc, collect: Collect) -> None:
    proc.add(1, "java", "/bin/sh", "/usr/local/bin/java", exe="/bin/dash", maps="55d0-55d1 r-xp 0 08:01 1 /bin/dash\n")
    assert collect("look")[-1]["outcome"] == "NoJvm"


def test_several_jvms_are_listed(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    proc.java(8)
    *_, end = collect("look")
    assert end["outcome"] == "AmbiguousJvm"
    assert "7 (java), 8 (java)" in end["message"]


@pytest.mark.parametrize("step", ["look", "identify", "sample"])
def test_without_a_jvm_it_says_what_is_there(proc: FakeProc, collect: Collect, step: str) -> None:
    proc.add(1, "nginx", "nginx", exe="/usr/sbin/nginx")
    *_, end = collect(step)
    assert end["outcome"] == "NoJvm"
    assert "1 (nginx)" in end["message"]


def test_a_native_image_is_called_by_its_name(proc: FakeProc, collect: Collect, tmp_path: Path) -> None:
    names = b"\0.text\0.svm_heap\0"
    section = bytes(24) + (128).to_bytes(8, "little") + len(names).to_bytes(8, "little") + bytes(24)
    program = tmp_path / "app"
    program.write_bytes(ELF_NATIVE + section + names)
    proc.add(1, "app", "app", exe=str(program))
    *_, end = collect("look")
    assert end["outcome"] == "NoJvm"
    assert "native image" in end["message"]


def test_the_dead_the_jdks_tools_and_other_collectors_are_no_targets(proc: FakeProc, collect: Collect) -> None:
    proc.java(7)
    proc.java(8, state="Z")
    proc.add(9, "jcmd", "jcmd", "7", "VM.version", exe="/opt/java/bin/jcmd", maps=MAPS)
    proc.add(10, "python3", "python3", "-m", "offheap.collector", "{}")
    looked = named(collect("look"), "process", "processes")[0]["data"]
    assert looked["target_pid"] == 7
    assert [p["pid"] for p in looked["processes"]] == [7, 9]
