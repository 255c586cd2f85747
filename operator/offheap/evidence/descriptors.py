"""The collector's count of the process's open descriptors, by kind.

Not memory by themselves, but what leaks with it: sockets with their buffers, files that were deleted and are held open.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_MAX_KINDS = 32


@dataclass(frozen=True, slots=True)
class Descriptors:
    """`limit` is the soft limit, None when there is none. `kinds`: `socket`, `file`, `pipe`, `anon`, `device`, `memfd`,
    `other`, the commonest first."""

    count: int
    limit: int | None
    kinds: tuple[tuple[str, int], ...]
    deleted_files: int


def parse_descriptors(data: object) -> Descriptors:
    """Read the collector's record `process/fds`. Raises EvidenceError when a count is missing or is none."""
    members = data if isinstance(data, dict) else {}
    kinds = members.get("kinds")
    if not isinstance(kinds, dict):
        raise EvidenceError("descriptors without their kinds")
    counted = [(str(kind)[:32], _count(number, "kinds")) for kind, number in kinds.items()][:_MAX_KINDS]
    limit = members.get("limit")
    return Descriptors(
        count=_count(members.get("count"), "count"),
        limit=None if limit is None else _count(limit, "limit"),
        kinds=tuple(sorted(counted, key=lambda item: (-item[1], item[0]))),
        deleted_files=_count(members.get("deleted_files"), "deleted_files"),
    )


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise EvidenceError(f"descriptors: {name} is not a count")
    return value
