"""Growing mappings are found and ranked, whichever of their ends moves, and the JVM's own never are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.mappings import MappingClass, classify
from offheap.evidence.regions import KINDS, Reading, Region, growing_regions, regions_of, render
from offheap.evidence.smaps import Mapping, parse_smaps

SMAPS = Path(__file__).parents[2] / "fixtures" / "smaps"
MIB = 1 << 20
ARENA, BRK, OTHER = MappingClass.ARENAS, MappingClass.BRK_HEAP, MappingClass.OTHER_ANON


def readings(*instants: list[tuple[int, int, int]], kind: MappingClass = OTHER, step: float = 10.0) -> list[Reading]:
    """Instants of (start, end, resident), all in MiB."""
    return [
        Reading(
            1000 + index * step,
            (1, 1),
            tuple(Region(start * MIB, end * MIB, kind, resident * MIB) for start, end, resident in instant),
        )
        for index, instant in enumerate(instants)
    ]


def grown(*instants: list[tuple[int, int, int]], known: tuple[tuple[int, int], ...] = ()) -> list[tuple[int, int, int]]:
    """(start, end, grown) in MiB."""
    own = [(start * MIB, end * MIB) for start, end in known]
    return [
        (region.start // MIB, region.end // MIB, region.grown_bytes // MIB)
        for region in growing_regions(readings(*instants), own)
    ]


def test_growth_at_the_end_the_start_and_inside() -> None:
    assert grown([(10, 20, 5)], [(10, 30, 15)], [(10, 40, 25)]) == [(10, 40, 20)]
    assert grown([(30, 40, 5)], [(20, 40, 15)], [(10, 40, 25)]) == [(10, 40, 20)]
    assert grown([(10, 40, 5)], [(10, 40, 15)], [(10, 40, 25)]) == [(10, 40, 20)]


def test_largest_growth_comes_first_and_what_shrinks_or_stays_is_left_out() -> None:
    first = [(10, 20, 5), (30, 40, 5), (50, 60, 5), (70, 80, 9)]
    last = [(10, 20, 6), (30, 40, 9), (50, 60, 5), (70, 80, 1)]
    assert grown(first, last) == [(30, 40, 4), (10, 20, 1)]


def test_a_new_mapping_grew_by_all_it_has_and_one_that_is_gone_did_not() -> None:
    assert grown([(10, 20, 5)], [(30, 40, 7)]) == [(30, 40, 7)]


def test_two_that_the_kernel_merges_are_counted_once() -> None:
    assert grown([(10, 20, 5), (30, 40, 6)], [(10, 40, 14)]) == [(10, 40, 3)]
    assert grown([(10, 40, 14)], [(10, 20, 10), (20, 40, 10)]) == [(10, 40, 6)]


def test_neighbours_that_only_touch_stay_apart() -> None:
    assert grown([(10, 20, 5), (20, 30, 5)], [(10, 20, 6), (20, 30, 7)]) == [(20, 30, 2), (10, 20, 1)]


def test_what_the_vm_says_is_its_own_is_left_out() -> None:
    first, last = [(10, 20, 5), (30, 40, 5)], [(10, 20, 9), (30, 40, 8)]
    assert grown(first, last, known=((8, 15), (15, 20))) == [(30, 40, 3)]


def test_another_process_is_not_compared() -> None:
    before, after = readings([(10, 20, 5)], [(10, 20, 9)])
    assert growing_regions([before, Reading(after.at, (2, 2), after.regions)]) == ()
    assert growing_regions([before]) == growing_regions([]) == ()


def test_rate_and_number_of_readings() -> None:
    [region] = growing_regions(readings([(10, 20, 0)], [], [(10, 20, 6)]))
    assert region.growth_bytes_per_second == 6 * MIB / 20
    assert region.readings == 2


def test_the_table() -> None:
    text = render(growing_regions(readings([(16, 32, 1)], [(16, 32, 4)], kind=ARENA)))
    assert text.splitlines() == [
        "start         end           kind    size KiB  rss KiB  grown KiB  KiB/min  readings",
        "000001000000  000002000000  arenas     16384     4096      +3072   +18432         2",
    ]
    assert render(()).count("\n") == 1


def smaps(name: str) -> tuple[Mapping, ...]:
    return parse_smaps((SMAPS / f"smaps-17-measured-{name}.txt").read_text())


def test_only_what_may_be_anybodys_is_kept_of_a_real_jvm() -> None:
    for name in ("idle", "jmalloc", "jmmap", "jfrag"):
        mappings = smaps(name)
        kept = regions_of(mappings, classify(mappings))
        assert {region.kind for region in kept} <= KINDS
        assert all(before.end <= after.start for before, after in pairwise(kept))
        assert not {mapping.start for mapping in mappings if mapping.path and mapping.path != "[heap]"} & {
            region.start for region in kept
        }
    jmmap = smaps("jmmap")
    largest = max(regions_of(jmmap, classify(jmmap)), key=lambda region: region.resident_bytes)
    assert (largest.kind, largest.resident_bytes) == (OTHER, 32772 << 10)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.integers(1, 8)), max_size=8),
        min_size=2,
        max_size=6,
    )
)
def test_no_growth_is_invented(shapes: list[list[tuple[int, int, int]]]) -> None:
    """All growing regions together gained at most what the last reading holds, and they never overlap."""
    instants = []
    for shape in shapes:
        start, instant = 0, []
        for gap, length, resident in shape:
            start += gap
            instant.append((start, start + length, min(resident, length)))
            start += length
        instants.append(instant)
    found = growing_regions(readings(*instants))
    assert sum(region.grown_bytes for region in found) <= sum(resident for *_, resident in instants[-1]) * MIB
    assert [region.grown_bytes for region in found] == sorted((region.grown_bytes for region in found), reverse=True)
    by_address = sorted(found, key=lambda region: region.start)
    assert all(before.end <= after.start for before, after in pairwise(by_address))
