"""Every text with a known answer, each alone: the verdict is right, or honestly Inconclusive where the text cannot tell.

A text of one moment, or a diff of two, never shows that a growth goes on: such a verdict is Inconclusive, and what grew is a
suspicion. The table says what each file must give; the truth is that of the programs that were measured, or of the threads the
texts are from.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from offheap.diagnosis import VerdictKind as Kind
from offheap.offline.analysis import analyze
from offheap.offline.pieces import Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
FILES = sorted(path for path in FIXTURES.rglob("*") if path.is_file() and path.parent.name != "runs")

DIRECT = {Kind.DIRECT_BUFFERS, Kind.UNSAFE_MEMORY}
NATIVE = {Kind.NATIVE_MALLOC}
RIGHT, OPEN = "right", Kind.INCONCLUSIVE.value

TABLE: tuple[tuple[str, set[Kind], str, Kind | None], ...] = (
    # pattern of files, the truth, what comes of it alone, what is suspected
    ("nmt-*-measured-direct-summarydiff.txt", DIRECT, OPEN, Kind.DIRECT_BUFFERS),
    ("nmt-*-measured-tlbuf-summarydiff.txt", DIRECT, OPEN, Kind.DIRECT_BUFFERS),
    ("nmt-*-measured-unsafe-*diff.txt", DIRECT, OPEN, Kind.DIRECT_BUFFERS),
    ("nmt-*-measured-ffm-summarydiff.txt", DIRECT, OPEN, Kind.DIRECT_BUFFERS),
    ("nmt-*-measured-unsafe-baseline.txt", DIRECT, OPEN, None),
    ("nmt-*-measured-unsafe-detail.txt", DIRECT, OPEN, None),
    ("nmt-*-measured-unsafe-summary*.txt", DIRECT, OPEN, None),
    ("nmt-*-measured-thread-summarydiff.txt", {Kind.THREADS}, OPEN, Kind.THREADS),
    ("nmt-*-measured-classloader-summarydiff.txt", {Kind.METASPACE}, OPEN, Kind.METASPACE),
    ("nmt-*-measured-proxy-summarydiff.txt", {Kind.METASPACE}, OPEN, Kind.METASPACE),
    ("nmt-*-measured-hidden-summarydiff.txt", {Kind.METASPACE}, OPEN, Kind.METASPACE),
    ("nmt-11-measured-intern-summarydiff.txt", {Kind.OTHER_NMT_CATEGORY}, OPEN, None),
    ("nmt-*-measured-intern-summarydiff.txt", {Kind.OTHER_NMT_CATEGORY}, OPEN, Kind.OTHER_NMT_CATEGORY),
    # The classes whose code was compiled take more metaspace than their code takes of the code cache.
    ("nmt-*-measured-code-summarydiff.txt", {Kind.CODE_CACHE}, OPEN, Kind.METASPACE),
    # NMT does not see what glibc keeps, but the threads that filled its arenas.
    ("nmt-*-measured-jfrag-summarydiff.txt", {Kind.GLIBC_RETENTION}, OPEN, Kind.THREADS),
    # NMT is blind for these.
    ("nmt-*-measured-jmalloc-summarydiff.txt", NATIVE, OPEN, None),
    ("nmt-*-measured-inflater-summarydiff.txt", NATIVE, OPEN, None),
    ("nmt-*-measured-deflater-summarydiff.txt", NATIVE, OPEN, None),
    ("nmt-*-measured-gzip-summarydiff.txt", NATIVE, OPEN, None),
    ("nmt-*-measured-zipfile-summarydiff.txt", NATIVE, OPEN, None),
    ("nmt-*-measured-jmmap-summarydiff.txt", {Kind.NATIVE_MMAP}, OPEN, None),
    ("nmt-*-measured-mmap-summarydiff.txt", {Kind.MAPPED_FILES}, OPEN, None),
    ("nmt-*-measured-idle-summarydiff.txt", {Kind.NO_LEAK}, OPEN, None),
    ("nmt-*-measured-zgc-summary.txt", {Kind.NO_LEAK}, OPEN, None),
    ("nmt-11-brice-direct-10x1MB-diff.txt", DIRECT, OPEN, Kind.DIRECT_BUFFERS),
    ("nmt-11-brice-direct-1x1MB-diff.txt", DIRECT, OPEN, None),  # below the noise floor
    ("nmt-11-brice-direct-20x100MB-diff.txt", DIRECT, OPEN, None),  # a cut report before the whole one
    ("nmt-11-brice-mappedfiles-diff.txt", {Kind.MAPPED_FILES}, OPEN, None),
    ("nmt-11-brice-loaded-app-3.8GB.txt", NATIVE, OPEN, None),
    ("nmt-11-brice-offheap-cassandra-like-summary.txt", {Kind.NO_LEAK}, OPEN, None),
    ("nmt-11-jmxexporter726-nodash-comma-excerpt.txt", {Kind.NO_LEAK}, OPEN, None),
    ("nmt-11-neo4j12637-detaildiff-sites-excerpt.txt", {Kind.THREADS}, OPEN, None),
    ("nmt-17-adoptium1190-c2-excerpt.txt", {Kind.JIT_COMPILER}, OPEN, None),
    ("nmt-17-prometheus-client_java-bytes.txt", {Kind.NO_LEAK}, OPEN, None),
    ("nmt-8-homoefficio-bytebuffer-diff-before.txt", DIRECT, OPEN, None),
    ("nmt-8-turf00-threads1529.txt", {Kind.THREADS}, OPEN, None),
    ("nmt-8-web1992-threads311-springleak.txt", NATIVE, OPEN, None),
    ("nmt-8-zanxiaofeng-direct-memory-oom-seriesMB.txt", DIRECT, RIGHT, None),
    # NMT alone shows a heap that grows, and cannot show that it is not the whole.
    ("nmt-8-zanxiaofeng-heap-space-oom-seriesMB.txt", {Kind.JAVA_HEAP}, OPEN, None),
    ("nmt-25-cljdoc-synthetic-tag.txt", set(), OPEN, None),
    ("nmt-17-measured-errorstrings.txt", set(), OPEN, None),
    # What is resident at one moment shows no growth.
    ("*-17-measured-direct.txt", DIRECT, OPEN, None),
    ("*-17-measured-thread.txt", {Kind.THREADS}, OPEN, None),
    ("*-17-measured-mmap.txt", {Kind.MAPPED_FILES}, OPEN, None),
    ("*-17-measured-jmmap.txt", {Kind.NATIVE_MMAP}, OPEN, None),
    ("*-17-measured-idle.txt", {Kind.NO_LEAK}, OPEN, None),
    ("*-zgc-heap80MB.txt", {Kind.NO_LEAK}, OPEN, None),
    ("smaps-17-measured-jmalloc.txt", NATIVE, OPEN, None),
    ("smaps-17-measured-jfrag.txt", {Kind.GLIBC_RETENTION}, OPEN, None),
    ("procstatus-17-measured-jmalloc.txt", NATIVE, OPEN, None),
    ("procstatus-17-measured-jfrag.txt", {Kind.GLIBC_RETENTION}, OPEN, None),
    ("procstatus-8-web1992.txt", NATIVE, OPEN, None),
    ("pmapx-17-measured-jfrag.txt", {Kind.GLIBC_RETENTION}, OPEN, None),
    ("pmapx-11-brice-*.txt", DIRECT, OPEN, None),
    ("pmap*-measured-sleep.txt", set(), OPEN, None),
    ("mallocinfo-*", {Kind.GLIBC_RETENTION, Kind.NO_LEAK, *NATIVE}, OPEN, None),
    ("trim-*", {Kind.GLIBC_RETENTION, *NATIVE}, OPEN, None),
    ("asprof-*", NATIVE, OPEN, None),
    ("jemalloc-*", NATIVE, OPEN, None),
    ("gperftools-*", NATIVE, OPEN, None),
    ("jeprof-text-*", NATIVE, OPEN, None),
    ("jcmd-*", set(), OPEN, None),
    ("cgroupv1-*", set(), OPEN, None),
    ("oomkill-*", {Kind.JIT_COMPILER}, OPEN, None),
)


def expected(name: str) -> tuple[set[Kind], str, Kind | None]:
    return next(row[1:] for row in TABLE if fnmatch(name, row[0]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_verdict_is_right_or_inconclusive(path: Path) -> None:
    truth, outcome, suspected = expected(path.name)
    # The name is not what tells: it is taken away.
    found = analyze([Source("text", path.read_bytes())])
    kind = found.diagnosis.verdict.kind
    assert (RIGHT if kind in truth else str(kind)) == outcome
    assert found.suspicion == suspected
    assert found.read or found.refused


def test_each_row_has_files() -> None:
    names = {path.name for path in FILES}
    assert [row[0] for row in TABLE if not any(fnmatch(name, row[0]) for name in names)] == []


def facts_of(*names: str) -> str:
    paths = [next(path for path in FILES if path.name == name) for name in names]
    return " ".join(analyze([Source(path.name, path.read_bytes()) for path in paths]).facts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trim-17-measured-jfrag.txt", "glibc had kept that free"),
        ("trim-11-measured-jfrag.txt", "glibc had kept that free"),
        ("trim-17-measured-jmalloc.txt", "next to nothing was kept free"),
        ("mallocinfo-21-measured-jfrag.txt", "it keeps what the program gave back"),
        ("asprof-17-measured-jmalloc-leak-collapsed.txt", "asked for by Leak.jmalloc"),
        ("asprof-4.6-jdk25-inflater.jfr.gz", "called by offheap.lab.Inflaters.step"),
        ("jcmd-21-measured-classloaderstats-classloader.txt", "1200 class loaders"),
        (
            "oomkill-dmesg-adoptium1190.txt",
            "by the limit of its cgroup, when its thread C2 CompilerThre asked for more",
        ),
    ],
)
def test_what_a_single_text_says_by_itself(name: str, words: str) -> None:
    assert words in facts_of(name)


def heap_profile(*mebibytes: int) -> bytes:
    """One of jemalloc in which every allocation was sampled, a stack for each size."""
    total = f"  t*: {len(mebibytes)}: {sum(mebibytes) << 20} [0: 0]\n"
    stacks = (f"@ 0x{index}\n  t*: 1: {size << 20} [0: 0]\n" for index, size in enumerate(mebibytes, start=1))
    return f"heap_v2/1\n{total}{''.join(stacks)}\nMAPPED_LIBRARIES:\n".encode()


@pytest.mark.parametrize(
    ("names", "times"),
    [
        (("p.1.9.i9.heap", "p.1.10.i10.heap"), (5.0, 5.0)),
        (("b", "a"), (1.0, 99.0)),
        (("b-1795560275", "a-1795560335"), (9.0, 0.0)),
    ],
)
def test_two_heap_profiles_tell_what_grew_between_them(names: tuple[str, str], times: tuple[float, float]) -> None:
    profiles = (heap_profile(10), heap_profile(10, 30))
    sources = [Source(name, data, at) for name, data, at in zip(names, profiles, times, strict=True)]
    assert "native code holds 30.0 MiB" in " ".join(analyze(sources).facts)
    assert "native code holds 40.0 MiB" in " ".join(analyze(sources[1:]).facts)


def test_malloc_info_of_a_leak_says_nothing_of_retention() -> None:
    assert "gave back" not in facts_of("mallocinfo-21-measured-jmalloc.txt")
