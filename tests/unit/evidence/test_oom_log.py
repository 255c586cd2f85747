"""Kernel logs of kills: of today's kernels (measured by others) and of the older grammars."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.oom_log import OomKill, parse_oom_log
from tests.unit.evidence.mutation import mutated

LOG = (Path(__file__).parents[2] / "fixtures" / "oom" / "oomkill-dmesg-adoptium1190.txt").read_text()
OLD = (
    "[1.0] java invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=999\n"
    "[1.1] Memory cgroup out of memory: Kill process 77 (java) score 1984 or sacrifice child\n"
    "[1.2] Killed process 77 (java) total-vm:4000kB, anon-rss:300kB, file-rss:20kB, shmem-rss:1kB\n"
)
NODE = (
    "[2.0] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,global_oom,task_memcg=/a,task=j,pid=8,uid=0\n"
    "[2.1] Out of memory: Killed process 8 (a) b) total-vm:4kB, anon-rss:3kB, file-rss:2kB, shmem-rss:1kB, UID:0 "
    "pgtables:4kB oom_score_adj:-5\n"
)
KIB = 1 << 10


def test_a_kill_by_a_cgroup() -> None:
    (kill,) = parse_oom_log(LOG)
    container = "/docker/8846fd420713df8fdbf8d257b6e75a27893a1a339e7458d7f7310c50f2d62b6d"
    assert kill == OomKill(
        line=5,
        pid=1235475,
        task="java",
        total_vm_bytes=15036484 * KIB,
        anon_rss_bytes=10207028 * KIB,
        file_rss_bytes=39704 * KIB,
        shmem_rss_bytes=0,
        constraint="CONSTRAINT_MEMCG",
        oom_memcg=container,
        task_memcg=container,
        invoked_by="C2 CompilerThre",
        uid=1337,
        oom_score_adj=0,
    )
    assert kill.is_by_cgroup is True
    assert kill.rss_bytes == (10207028 + 39704) * KIB


def test_the_grammar_before_4_19_and_a_kill_by_the_node() -> None:
    old, node = parse_oom_log(OLD + "something else\n" + NODE)
    assert (old.pid, old.constraint, old.invoked_by, old.uid) == (77, "CONSTRAINT_MEMCG", "java", None)
    assert (node.task, node.constraint, node.is_by_cgroup) == ("a) b", "CONSTRAINT_NONE", False)
    assert (node.oom_memcg, node.task_memcg, node.invoked_by, node.oom_score_adj) == (None, "/a", None, -5)
    assert node.rss_bytes == 6 * KIB


@pytest.mark.parametrize(
    ("sentence", "constraint"),
    [
        ("Memory cgroup out of memory: Killed process 1 (j) ", "CONSTRAINT_MEMCG"),
        ("Out of memory: Killed process 1 (j) ", "CONSTRAINT_NONE"),
        ("Out of memory (oom_kill_allocating_task): Killed process 1 (j), UID 5, ", "CONSTRAINT_NONE"),
        ("Killed process 1 (j) ", None),
    ],
)
def test_the_sentence_tells_the_cause(sentence: str, constraint: str | None) -> None:
    (kill,) = parse_oom_log(f"{sentence}total-vm:4kB, anon-rss:3kB, file-rss:2kB\n")
    assert (kill.constraint, kill.task, kill.shmem_rss_bytes) == (constraint, "j", 0)
    assert (kill.is_by_cgroup is None) == (constraint is None)


@pytest.mark.parametrize(
    "head", ["", "[1.0] ", "[  12.5] ", "Oct 27 02:20:14 node kernel: ", "Oct 27 node kernel: [1.5] "]
)
def test_the_heads_of_lines(head: str) -> None:
    log = f"{head}C2 CompilerThre invoked oom-killer: order=0\n{head}{OLD.splitlines()[2]}\n"
    assert [kill.invoked_by for kill in parse_oom_log(log)] == ["C2 CompilerThre"]


def test_logs_without_a_kill_and_a_kill_that_cannot_be_read() -> None:
    assert parse_oom_log("") == ()
    assert parse_oom_log("[1.0] eth0: link up\n") == ()
    with pytest.raises(EvidenceError) as error:
        parse_oom_log("[1.0] eth0: link up\n[2.0] Killed process x\n")
    assert error.value.line == 2


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    for head in ("", "Killed process 1 (j) total-vm:4kB, anon-rss:3kB,", "oom-kill:constraint=CONSTRAINT_NONE,"):
        with suppress(EvidenceError):
            parse_oom_log(head + text)


@given(mutated([LOG, OLD, NODE], "0123456789kB():=,[] invoked"))
def test_mutated_logs_raise_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_oom_log(text)
