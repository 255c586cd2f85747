"""Every text of Native Memory Tracking that was measured or published is read whole, on JDK 8 to 25."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.errors import EvidenceError
from offheap.evidence.nmt import parse_nmt, parse_nmt_series
from offheap.evidence.nmt_categories import MEANINGS, direct_memory_category, meaning_of
from offheap.evidence.nmt_report import NmtAnswer, NmtReport, Tally
from offheap.evidence.nmt_sites import parse_sites

NMT = Path(__file__).parents[2] / "fixtures" / "nmt"
KIB, MIB = 1 << 10, 1 << 20

REPORTS = sorted(
    path
    for pattern in ("*summary*.txt", "*detail.txt", "*-measured-unsafe-detaildiff.txt", "*-diff.txt", "*bytes.txt")
    for path in NMT.glob(pattern)
)
EXCERPTS = {"nmt-11-brice-direct-1x1MB-diff", "nmt-11-brice-direct-10x1MB-diff", "nmt-11-brice-direct-20x100MB-diff"}
"""Published with `...` between the categories, and one of two reports in a file."""

UNCHANGED = {"nmt-8-measured-idle-summarydiff", "nmt-8-measured-jmmap-summarydiff"}
"""A diff in which nothing changed looks like a summary."""


def read(name: str) -> NmtReport:
    report = parse_nmt((NMT / name).read_text())
    assert isinstance(report, NmtReport)
    return report


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_every_line_is_understood_and_the_categories_sum_to_the_total(path: Path) -> None:
    report = read(path.name)
    if path.stem in EXCERPTS:
        return
    assert report.unread_lines == ()
    committed = sum(category.committed_bytes for category in report.categories)
    unit = MIB if "scaleMB" in path.stem else KIB
    assert abs(committed - report.total.committed_bytes) <= 12 * unit
    assert all(category.name in MEANINGS for category in report.categories)
    if path.stem not in UNCHANGED:
        assert report.is_diff == ("diff" in path.stem)


# file: (category, committed change in KB) as the program that made it is known to leak
KNOWN_CHANGES = {
    "nmt-8-measured-direct-summarydiff.txt": ("Internal", 61441),
    "nmt-11-measured-direct-summarydiff.txt": ("Other", 61440),
    "nmt-17-measured-direct-summarydiff.txt": ("Other", 61440),
    "nmt-21-measured-direct-summarydiff.txt": ("Other", 61440),
    "nmt-25-measured-direct-summarydiff.txt": ("Other", 61440),
    "nmt-25-measured-ffm-summarydiff.txt": ("Other", 61440),
    "nmt-17-measured-unsafe-detaildiff.txt": ("Other", 51200),
    "nmt-8-measured-thread-summarydiff.txt": ("Thread", 123433),
    "nmt-21-measured-thread-summarydiff.txt": ("Thread", 12887),
}


@pytest.mark.parametrize(("name", "expected"), KNOWN_CHANGES.items())
def test_known_changes(name: str, expected: tuple[str, int]) -> None:
    category = read(name).category(expected[0])
    assert category is not None
    assert category.extent.committed_delta_bytes == expected[1] * KIB
    assert category.before().committed_bytes == category.committed_bytes - expected[1] * KIB


def test_a_whole_diff_of_jdk_25() -> None:
    report = read("nmt-25-measured-unsafe-summarydiff.txt")
    assert report.pid == 6312
    assert report.total.committed_bytes == 215173 * KIB
    assert report.total.committed_delta_bytes == 51802 * KIB
    assert report.threads == 18
    assert report.classes == 893
    other, classes = report.category("Other"), report.category("Class")
    assert other is not None
    assert other.malloc is not None
    assert (other.malloc.count, other.malloc.delta_count) == (800, 800)
    assert classes is not None
    assert classes.instance_classes == Tally(745, 305)
    assert [(part.name, part.used_bytes) for part in classes.parts] == [
        ("Metadata", 417 * KIB),
        ("Class space", 38 * KIB),
    ]


def test_peaks_and_read_only_pages_of_jdk_25() -> None:
    report = read("nmt-25-measured-zgc-summary.txt")
    compiler, archive, thread = (report.category(name) for name in ("Compiler", "Shared class space", "Thread"))
    assert compiler is not None
    assert compiler.arena is not None
    assert compiler.arena.peak_bytes == 1548 * KIB
    assert archive is not None
    assert archive.readonly_bytes == 0
    assert archive.mmap is not None
    assert archive.mmap.peak_bytes == 14116 * KIB
    assert thread is not None
    assert thread.stack is not None
    assert thread.stack.peak_bytes == 948 * KIB


BEFORE_8U40 = """4711:

Native Memory Tracking:

Total:  reserved=664192KB  +1024KB, committed=253120KB +512KB

-                 Java Heap (reserved=516096KB, committed=204800KB)
                            (mmap: reserved=516096KB, committed=204800KB)

-                     Class (reserved=6568KB, committed=4140KB)
                            (classes #665)
                            (malloc=424KB, #1000)
                            (mmap: reserved=6144KB, committed=3716KB)

-                    Thread (reserved=6868KB +1024KB, committed=6868KB +512KB)
                            (thread #15 +1)
                            (stack: reserved=6780KB +1024KB, committed=6780KB +512KB)
                            (malloc=27KB +2KB, #66 +5)
                            (arena=61KB, #30)

-           Memory Tracking (reserved=6368KB, committed=6368KB)
                            (malloc=6368KB, #10)

-        Pooled Free Chunks (reserved=249KB, committed=249KB)
                            (malloc=249KB)

- Shared spaces for classes (reserved=8192KB, committed=8192KB)
                            (mmap: reserved=8192KB, committed=8192KB)

"""
"""Its memReporter.cpp was another one, rewritten by JEP 195; a summary has `KB,  committed` in the Total line."""


def test_jdk_8_before_update_40() -> None:
    report = parse_nmt(BEFORE_8U40)
    assert isinstance(report, NmtReport)
    assert report.unread_lines == ()
    assert report.total.committed_delta_bytes == 512 * KIB
    names = [category.name for category in report.categories]
    assert names[3:] == ["Native Memory Tracking", "Arena Chunk", "Shared class space"]
    thread = report.category("Thread")
    assert thread is not None
    assert thread.malloc is not None
    assert (thread.malloc.count, thread.malloc.delta_count) == (66, 5)
    assert thread.threads == Tally(15, 1)
    summary = parse_nmt("Total:  reserved=664192KB,  committed=253120KB\n")
    assert isinstance(summary, NmtReport)
    assert summary.total.committed_bytes == 253120 * KIB


def test_an_arena_change_without_unit_has_the_unit_of_the_report() -> None:
    thread = read("nmt-8-measured-thread-summarydiff.txt").category("Thread")
    assert thread is not None
    assert thread.arena is not None
    assert (thread.arena.size_bytes, thread.arena.delta_bytes) == (153 * KIB, 141 * KIB)


def test_scales() -> None:
    assert read("nmt-17-prometheus-client_java-bytes.txt").total.committed_bytes == 642716389
    assert read("nmt-25-measured-unsafe-summary-scaleMB.txt").committed_bytes("Other") == 50 * MIB
    text = "Native Memory Tracking:\n\nTotal: reserved=3GB, committed=2GB\n"
    report = parse_nmt(text)
    assert isinstance(report, NmtReport)
    assert report.total.committed_bytes == 2 << 30


def test_lost_dashes_and_decimal_commas() -> None:
    report = read("nmt-11-jmxexporter726-nodash-comma-excerpt.txt")
    assert [category.name for category in report.categories] == ["Java Heap", "Class", "Thread"]
    assert report.unread_lines == ()


def test_only_the_total_line_is_there() -> None:
    report = read("nmt-17-adoptium1190-c2-excerpt.txt")
    assert report.total.committed_bytes == 6461730 * KIB
    assert report.categories == ()


def test_unknown_categories_and_lines_are_kept() -> None:
    text = (
        "Native Memory Tracking:\n\nTotal: reserved=10KB, committed=9KB\n"
        "-           Quantum Foam (reserved=10KB, committed=9KB)\n"
        "                            (malloc=9KB tag=Quantum Foam #3) (peak=10KB #4)\n"
        "                            (entangled with=7)\n"
    )
    report = parse_nmt(text)
    assert isinstance(report, NmtReport)
    assert report.committed_bytes("Quantum Foam") == 9 * KIB
    assert report.unread_lines == (6,)
    assert "does not know" in meaning_of("Quantum Foam").meaning


def test_a_count_may_be_missing_when_it_is_zero() -> None:
    text = "Total: reserved=1KB, committed=1KB\n- Logging (reserved=1KB, committed=0KB)\n (malloc=0KB tag=Logging) (peak=1KB #1)\n"
    report = parse_nmt(text)
    assert isinstance(report, NmtReport)
    assert report.unread_lines == ()


@pytest.mark.parametrize("feature", [8, 11, 17, 21, 25])
def test_sites_of_detail_and_its_diff(feature: int) -> None:
    category = direct_memory_category(feature)
    for name in ("detail", "detaildiff"):
        report = read(f"nmt-{feature}-measured-unsafe-{name}.txt")
        sites = [site for site in report.sites if site.category == category and site.size_bytes >= MIB]
        biggest = sorted(site.size_bytes for site in sites)[-2:]
        assert sum(biggest) == 50 * MIB
        assert bool(report.regions) == (name == "detail")
    if feature in (11, 17, 21):
        assert any("Unsafe_AllocateMemory0" in frame for site in sites for frame in site.frames)


def test_sites_without_a_report_around_them() -> None:
    text = (NMT / "nmt-11-neo4j12637-detaildiff-sites-excerpt.txt").read_text()
    section = parse_sites(enumerate(text.splitlines(), 1))
    assert section.unread_lines == ()
    threads = section.sites[-1]
    assert (threads.category, threads.delta_count) == ("Synchronizer", 16708)
    assert threads.frames[2].startswith("JVM_StartThread")


def test_series_in_a_log() -> None:
    reports = parse_nmt_series((NMT / "nmt-8-zanxiaofeng-heap-space-oom-seriesMB.txt").read_text())
    heaps = [report.committed_bytes("Java Heap") // MIB for report in reports]
    assert len(heaps) == 15
    assert heaps[-1] > heaps[0]
    direct = parse_nmt_series((NMT / "nmt-8-zanxiaofeng-direct-memory-oom-seriesMB.txt").read_text())
    assert direct[-1].committed_bytes("Internal") > 10 * direct[0].committed_bytes("Internal")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("4711:\nNative memory tracking is not enabled\n", NmtAnswer.NOT_ENABLED),
        ("4711:\nDetail tracking is not enabled\n", NmtAnswer.DETAIL_NOT_ENABLED),
        ("4711:\nNo baseline for comparison\n", NmtAnswer.NO_BASELINE),
        ("4711:\nBaseline succeeded\n", NmtAnswer.BASELINE_TAKEN),
        ("Connected to remote JVM\nJVM response code = 0\nBaseline taken\n", NmtAnswer.BASELINE_TAKEN),
        ("Native memory tracking has been shutdown by user\n", NmtAnswer.SHUT_DOWN),
        ("Incorrect scale value: bogus\n", NmtAnswer.BAD_SCALE),
        ("This option is deprecated and will be ignored.\n", NmtAnswer.DEPRECATED),
        ("java.lang.IllegalArgumentException: Unknown diagnostic command\n", NmtAnswer.UNKNOWN_COMMAND),
    ],
)
def test_answers_that_are_no_report(text: str, answer: NmtAnswer) -> None:
    assert parse_nmt(text) is answer


def test_an_error_names_the_line() -> None:
    with pytest.raises(EvidenceError) as caught:
        parse_nmt("7:\n\nTotal: reserved=many\n")
    assert caught.value.line == 3
    with pytest.raises(EvidenceError):
        parse_nmt("")


def test_long_hostile_lines_take_no_time() -> None:
    for filler in (
        " " * 300_000 + "x",
        "(" * 300_000,
        "- " + "a" * 300_000,
        "[0x1] " + " " * 300_000 + "x",
        "1" * 300_000,
    ):
        report = parse_nmt(f"Total: reserved=1KB, committed=1KB\n{filler}\n")
        assert isinstance(report, NmtReport)


@given(st.text())
def test_random_text_raises_nothing_else(text: str) -> None:
    with suppress(EvidenceError):
        parse_nmt(text)


@given(st.data())
def test_mutated_reports_raise_nothing_else(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path in REPORTS if path.stat().st_size < 25_000]))
    text = path.read_text()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.text(max_size=12)) + text[end:]
    with suppress(EvidenceError):
        parse_nmt(text)
        parse_nmt_series(text)
