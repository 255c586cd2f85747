"""Whatever the kernel, the JVM or somebody hostile writes: the readers give a value, and never harm."""

from __future__ import annotations

import base64
import contextlib
import json
import unicodedata
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.collector.clock import next_instant
from offheap.collector.options import jvm_options, max_heap_bytes, option_lines
from offheap.collector.plan import PlanError, parse_plan
from offheap.collector.probes.cgroup import headroom_bytes
from offheap.collector.probes.jvm import stems
from offheap.collector.probes.smaps import is_kept
from offheap.collector.procfs import mapped_path, mount_of, parse_mountinfo, parse_stat, parse_status
from offheap.collector.ration import Ration
from offheap.collector.text import Text, clean, short

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=15)


@given(st.binary(max_size=600))
def test_any_bytes_are_read(raw: bytes) -> None:
    parse_stat(raw)
    parse_status(raw)
    parse_mountinfo(raw)
    mapped_path(raw)
    is_kept(raw)


@given(NAMES, st.integers(0, 2**31), st.integers(0, 2**62))
def test_a_process_may_call_itself_anything(name: str, parent: int, ticks: int) -> None:
    tail = f"S {parent} {'0 ' * 15}12 0 {ticks} 4096 100".encode()
    stat = parse_stat(b"7 (" + name.encode() + b") " + tail)
    assert stat is not None
    assert (stat.parent, stat.threads, stat.start_time_ticks) == (parent, 12, ticks)


@given(st.binary(max_size=2000))
def test_clean_text_cannot_act_on_a_terminal(raw: bytes) -> None:
    text = clean(raw)
    bad = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs")]
    assert not bad
    assert not set(text) & set("\u202e\u2066\u200f")
    assert "\n" not in short(raw)


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200), max_size=60), st.data())
def test_a_text_is_the_same_however_it_comes(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(line + "\n" for line in lines)
    text, raw = Text(), whole.encode()
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        text.feed(raw[:size])
        raw = raw[size:]
    fields = text.fields()
    sent = zlib.decompress(base64.b64decode(fields["zdata"])).decode() if "zdata" in fields else fields["data"]
    assert sent == whole
    assert text.size_bytes == len(whole)


@given(st.text(max_size=300))
def test_any_plan_is_followed_or_refused(text: str) -> None:
    with contextlib.suppress(PlanError):
        parse_plan(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3
)
FIELDS = [
    "version",
    "investigation",
    "step",
    "target",
    "interval_seconds",
    "duration_seconds",
    "nmt",
    "attach",
    "budget",
]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_a_plan_with_a_wrong_field_is_refused_by_its_name(fields: dict[str, object]) -> None:
    good = {"version": 1, "investigation": "a/b", "step": "sample"}
    with contextlib.suppress(PlanError):
        plan = parse_plan(json.dumps({**good, **fields}))
        assert 0 < plan.interval_seconds <= plan.duration_seconds


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("java -Xmx1g -cp a.jar:b -Dx=y Main -Xfake", ["-Xmx1g"]),
        ("java -jar app.jar -Xsecret", []),
        ("java @args -XX:+UseZGC --module-path m -m app/Main -Xno", ["-XX:+UseZGC"]),
        ("java --add-opens java.base/java.lang=ALL-UNNAMED -Xss1m Main", ["-Xss1m"]),
        ("", []),
    ],
)
def test_options_end_where_the_program_begins(line: str, options: list[str]) -> None:
    assert jvm_options(line.split(" ")) == options


def test_the_programs_arguments_do_not_leave_with_the_jvms_own_command_line() -> None:
    text = "VM Arguments:\njvm_args: -Xmx1g -Dpassword=x -XX:+UseZGC\njava_command: Main -Xtoken=secret\nLauncher Type: SUN"
    kept = option_lines(text, keep=("VM Arguments:", "jvm_args:"))
    assert kept == "VM Arguments:\njvm_args: -Xmx1g -XX:+UseZGC"


@given(st.lists(st.text(max_size=20)))
def test_only_options_leave(words: list[str]) -> None:
    assert all(word.startswith("-X") for word in jvm_options(["java", *words]))
    assert all(line.startswith("-X") for line in option_lines("\n".join(words)).split("\n") if line)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-Xmx512m"], 512 << 20),
        (["-Xmx1G", "-XX:MaxHeapSize=64"], 64),
        (["-Xmx12k"], 12 << 10),
        (["-Xmx"], None),
        (["-Xmx٣m"], None),
        ([], None),
    ],
)
def test_the_last_heap_size_counts(options: list[str], expected: int | None) -> None:
    assert max_heap_bytes(options) == expected


def test_a_path_lies_on_the_longest_mount() -> None:
    mounts = parse_mountinfo(
        b"1 0 0:1 / / ro - overlay o rw\n2 1 0:2 / /tmp rw - tmpfs t rw\n3 1 0:3 / /tmpfoo ro - tmpfs t rw\n"
        b"4 1 0:4 / /with\\040space ro - tmpfs t rw\nnonsense\n"
    )
    found = [mount_of(mounts, path) for path in ("/tmp", "/tmp/x", "/var", "/with space/a")]
    assert [(mount.point, mount.read_only) for mount in found if mount] == [
        ("/tmp", False),
        ("/tmp", False),
        ("/", True),
        ("/with space", True),
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.current": "60", "memory.max": "100", "memory.stat": "inactive_file 20"}, 60),
        ({"memory.current": "60", "memory.max": "max", "memory.stat": ""}, None),
        ({"memory.current": "160", "memory.max": "100", "memory.stat": ""}, 0),
        ({"memory.current": "x", "memory.max": "100"}, None),
        ({}, None),
    ],
)
def test_room_below_a_version_2_limit(files: dict[str, str], expected: int | None) -> None:
    assert headroom_bytes(2, files) == expected


def test_room_below_a_version_1_limit_heeds_the_pods() -> None:
    files = {
        "memory.usage_in_bytes": "60",
        "memory.limit_in_bytes": "9223372036854771712",
        "memory.stat": "hierarchical_memory_limit 100\ntotal_inactive_file 10",
    }
    assert headroom_bytes(1, files) == 50


@given(st.lists(NAMES, max_size=400))
def test_no_thread_is_lost_among_the_stems(names: list[str]) -> None:
    counted = stems(names)["stems"]
    assert isinstance(counted, dict)
    assert sum(counted.values()) == len(names)
    assert len(counted) <= 201


def test_a_pool_is_one_stem_though_the_kernel_cuts_its_names() -> None:
    names = [f"pool-{n}-thread-1"[:15] for n in range(1, 201)]
    assert stems([*names, "main", "G1 Main Marker"])["stems"] == {
        "pool-#-thread-#": 200,
        "G# Main Marker": 1,
        "main": 1,
    }


@given(st.floats(0.01, 600), st.floats(0.01, 86400), st.floats(0, 86400))
def test_the_next_instant_lies_ahead(interval: float, duration: float, elapsed: float) -> None:
    at = next_instant(interval, duration, elapsed)
    assert at == duration or elapsed <= at <= elapsed + interval * 1.000001


@given(st.integers(1, 5000), st.integers(100, 5000), st.integers(1000, 50_000), st.integers(100_000, 8 << 20))
def test_a_ration_lasts_and_keeps_the_last_set(instants: int, plain: int, bulk: int, left: int) -> None:
    ration = Ration()
    ration.learn(plain, bulk)
    left -= plain + bulk
    if ration.interval_factor(instants, left) > 1:
        return
    for remaining in range(instants - 1, 0, -1):
        sent = bulk if ration.bulk_now(remaining, left) else 0
        ration.learn(plain, sent)
        left -= plain + sent
    assert left >= plain + bulk
