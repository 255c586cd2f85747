"""Who the JVM is, and that nothing else of the target leaves it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.unit.collector.conftest import Collect
from tests.unit.collector.fakes import MAPS, MOUNTS, FakeJattach, FakeProc, Record, named


def identity(records: list[Record]) -> dict[str, Any]:
    (record,) = named(records, "process", "identity")
    data: dict[str, Any] = record["data"]
    return data


def test_a_hotspot_that_answers(proc: FakeProc, collect: Collect) -> None:
    proc.java(7, ticks=4711)
    release = proc.root / "7/root/opt/java/release"
    release.parent.mkdir(parents=True)
    release.write_text('IMPLEMENTOR="Eclipse Adoptium"\nJAVA_VERSION="17.0.15"\n')
    records = collect("identify")
    found = identity(records)
    assert found["start_time_ticks"] == 4711
    assert (found["vm"], found["vendor"], found["version"]) == ("HotSpot", "Eclipse Adoptium", "17.0.15")
    assert (found["feature"], found["update"], found["gc"], found["nmt"]) == (17, 15, "G1", "detail")
    assert (found["libc"], found["allocator"], found["max_heap_bytes"]) == ("glibc", "glibc", 64 << 20)
    assert found["attach"] == {"ok": True, "reason": None, "message": None}
    assert found["options"] == ["-Xmx64m", "-XX:NativeMemoryTracking=detail"]
    assert named(records, "jvm", "version")
    assert named(records, "jvm", "flags")
    assert named(records, "jvm", "command_line")[0]["data"] == "VM Arguments:\njvm_args: -Xmx64m"
    assert records[-1]["outcome"] == "Completed"


def test_no_secret_of_the_target_leaves(proc: FakeProc, collect: Collect) -> None:
    proc.java(7, environ={"JAVA_TOOL_OPTIONS": "-Dkey=hunter2", "DB_PASSWORD": "hunter2", "NMT_LEVEL_1": "summary"})
    records = collect("identify")
    assert "hunter2" not in json.dumps(records)
    assert identity(records)["env"] == {
        "JAVA_TOOL_OPTIONS": True,
        "JDK_JAVA_OPTIONS": False,
        "_JAVA_OPTIONS": False,
        "LD_PRELOAD": False,
        "MALLOC_CONF": False,
        "MALLOC_ARENA_MAX": False,
        "HEAPPROFILE": False,
        "NMT_LEVEL": True,
    }


def test_a_command_that_an_option_runs_stays_where_it_is(proc: FakeProc, collect: Collect) -> None:
    proc.java(7, "java", "-XX:OnOutOfMemoryError=curl -u me:hunter2 host", "Main")
    records = collect("identify")
    assert identity(records)["options"] == ["-XX:OnOutOfMemoryError=…"]
    assert "hunter2" not in json.dumps(records)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("OpenJDK 64-Bit Server VM version 25.504-b08\nJDK 8.0_504\n", ("8.0_504", 8, 504)),
        ("OpenJDK 64-Bit Server VM version 25.0.3+9-LTS\nJDK 25.0.3\n", ("25.0.3", 25, 3)),
        ("OpenJDK 64-Bit Server VM version 26+1\nJDK 26\n", ("26", 26, 0)),
        ("nonsense\n", ("unknown", None, None)),
    ],
)
def test_versions(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, version: str, expected: tuple[Any, ...]
) -> None:
    proc.java(7)
    jattach.behave(VM_version=f"printf '%s' '{version}'")
    found = identity(collect("identify"))
    assert (found["version"], found["feature"], found["update"]) == expected


@pytest.mark.parametrize(
    ("java_version", "expected"), [("17.0.15", (17, 15)), ("25", (25, 0)), ("1.8.0_504", (8, 504)), ("x", (None, None))]
)
def test_without_an_attach_the_release_file_tells_the_version(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, java_version: str, expected: tuple[Any, ...]
) -> None:
    proc.java(7)
    release = proc.root / "7/root/opt/java/release"
    release.parent.mkdir(parents=True)
    release.write_text(f'JAVA_VERSION="{java_version}"\n')
    found = identity(collect("identify", attach=False))
    assert (found["feature"], found["update"]) == expected
    assert found["nmt"] == "unknown"
    assert jattach.calls == []


def test_a_release_file_that_is_a_link_out_of_the_target_is_not_followed(
    proc: FakeProc, collect: Collect, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text('IMPLEMENTOR="hunter2"\n')
    home = proc.java(7)
    (home / "root/opt/java").mkdir(parents=True)
    (home / "root/opt/java/release").symlink_to(outside)
    assert identity(collect("identify"))["vendor"] == "unknown"


def test_a_link_inside_the_target_is_followed_as_the_target_sees_it(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7)
    (home / "root/opt/java").mkdir(parents=True)
    (home / "root/etc/jdk").mkdir(parents=True)
    (home / "root/etc/jdk/release").write_text('IMPLEMENTOR="Debian"\n')
    (home / "root/opt/java/release").symlink_to("/../../etc/jdk/release")
    assert identity(collect("identify"))["vendor"] == "Debian"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"arguments": ("java", "-XX:+DisableAttachMechanism", "Main")}, "AttachDisabled"),
        ({"environ": {"JAVA_TOOL_OPTIONS": "-Xmx1g -XX:+DisableAttachMechanism"}}, "AttachDisabled"),
        ({"mounts": MOUNTS + "102 100 0:60 / /tmp ro - tmpfs tmpfs rw\n"}, "TmpNotWritable"),
        ({"mounts": MOUNTS.replace("/ / rw", "/ / ro")}, "TmpNotWritable"),
        ({"caught": 0}, "JvmNotReady"),
        ({"maps": MAPS.replace("libc.so.6", "libj9vm29.so")}, "OpenJ9Unsupported"),
    ],
)
def test_an_attach_that_would_fail_is_never_begun(
    proc: FakeProc, jattach: FakeJattach, collect: Collect, setting: dict[str, Any], reason: str
) -> None:
    proc.java(7, *setting.pop("arguments", ()), **setting)
    found = identity(collect("identify"))
    assert (found["attach"]["ok"], found["attach"]["reason"]) == (False, reason)
    assert found["attach"]["message"]
    assert jattach.calls == []


def test_a_jvm_that_listens_already_needs_no_writable_tmp(proc: FakeProc, collect: Collect) -> None:
    home = proc.java(7, mounts=MOUNTS.replace("/ / rw", "/ / ro"), caught=0)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"/proc/self/fd/{_folder(home / 'root/tmp')}/.java_pid7")
    with listening:
        found = identity(collect("identify"))
    assert found["attach"]["ok"]
    assert found["read_only_tmp"]


def test_a_failed_attach_is_not_tried_again(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave("echo 'Could not start attach mechanism: No such file or directory'; exit 1")
    records = collect("sample")
    assert len(jattach.calls) == 1
    found = identity(records)
    assert found["attach"]["reason"] == "AttachFailed"
    assert "Could not start attach mechanism" in found["attach"]["message"]
    assert records[-1]["outcome"] == "Completed"
    assert len(named(records, "smaps", "rollup")) == 3


def test_a_jattach_that_hangs_is_killed_and_not_tried_again(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7)
    jattach.behave("exec sleep 600")
    records = collect("identify", deadline_seconds=0.3)
    assert len(jattach.calls) == 1
    assert identity(records)["attach"]["reason"] == "AttachTimedOut"


def test_an_image_without_jattach_says_so(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.path.unlink()
    assert identity(collect("identify"))["attach"]["reason"] == "ToolMissing"


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        ("/lib/ld-musl-x86_64.so.1", ("musl", "musl")),
        (
            "/usr/lib/x86_64-linux-gnu/libc.so.6\n7f05-7f06 r-xp 0 08:01 1 /usr/lib/libjemalloc.so.2",
            ("glibc", "jemalloc"),
        ),
        ("/lib64/libc-2.17.so\n7f05-7f06 r-xp 0 08:01 1 /opt/libtcmalloc_minimal.so.4", ("glibc", "tcmalloc")),
        ("/opt/other.so", ("unknown", "glibc")),
    ],
)
def test_libc_and_allocator(proc: FakeProc, collect: Collect, libraries: str, expected: tuple[str, str]) -> None:
    proc.java(7, maps=MAPS.replace("/usr/lib/x86_64-linux-gnu/libc.so.6", libraries))
    found = identity(collect("identify"))
    assert (found["libc"], found["allocator"]) == expected


def test_nmt_that_was_asked_for_but_did_not_take_is_off(proc: FakeProc, jattach: FakeJattach, collect: Collect) -> None:
    proc.java(7)
    jattach.behave(VM_native_memory__summary="echo 'Native memory tracking is not enabled'")
    assert identity(collect("identify"))["nmt"] == "off"


def test_another_process_under_the_same_pid_is_not_touched(
    proc: FakeProc, jattach: FakeJattach, collect: Collect
) -> None:
    proc.java(7, ticks=2000)
    *_, end = collect("identify", target={"pid": 7, "start_time_ticks": 1000})
    assert end["outcome"] == "TargetChanged"
    assert jattach.calls == []


def test_a_process_that_has_ended_is_gone(proc: FakeProc, collect: Collect) -> None:
    proc.java(8)
    assert collect("sample", target={"pid": 7, "start_time_ticks": 1000})[-1]["outcome"] == "TargetGone"


def _folder(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"x" * 65500 + b"GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\n" + b"y" * 99,
            "2.36",
        ),
        (b"GNU C Library stable release version 2.17, by Roland McGrath et al.", "2.17"),
        (b"nothing of the kind", None),
        (None, None),
    ],
)
def test_the_c_library_says_its_own_version(
    proc: FakeProc, collect: Collect, content: bytes | None, expected: str | None
) -> None:
    home = proc.java(7)
    if content is not None:
        library = home / "root/usr/lib/x86_64-linux-gnu/libc.so.6"
        library.parent.mkdir(parents=True, exist_ok=True)
        library.write_bytes(content)
    assert identity(collect("identify"))["libc_version"] == expected
