"""The limit above the container's own: its pod's."""

from __future__ import annotations

import pytest

from offheap.evidence.cgroup import parse_cgroup

MIB = 1 << 20
V2 = {"memory.current": f"{64 * MIB}", "memory.max": f"{256 * MIB}", "memory.stat": "anon 1"}


def v1(limit: int, lowest: int) -> dict[str, str]:
    return {
        "memory.usage_in_bytes": str(64 * MIB),
        "memory.limit_in_bytes": str(limit),
        "memory.stat": f"hierarchical_memory_limit {lowest}",
    }


def test_version_2_tells_it_where_it_is_seen() -> None:
    above = {"memory.current": f"{90 * MIB}", "memory.max": f"{128 * MIB}"}
    memory = parse_cgroup(2, V2, above)
    assert (memory.limit_bytes, memory.above_usage_bytes, memory.above_limit_bytes) == (256 * MIB, 90 * MIB, 128 * MIB)
    assert (parse_cgroup(2, V2).above_usage_bytes, parse_cgroup(2, V2).above_limit_bytes) == (None, None)


@pytest.mark.parametrize(
    ("limit", "lowest", "above"),
    [
        (256 * MIB, 128 * MIB, 128 * MIB),
        (256 * MIB, 256 * MIB, None),
        ((1 << 63) - 4096, 128 * MIB, 128 * MIB),
        ((1 << 63) - 4096, (1 << 63) - 4096, None),
    ],
)
def test_version_1_tells_the_lowest_of_all(limit: int, lowest: int, above: int | None) -> None:
    assert parse_cgroup(1, v1(limit, lowest)).above_limit_bytes == above
