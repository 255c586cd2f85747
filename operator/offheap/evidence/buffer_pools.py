"""The JVM's own books of memory outside the heap that Java code asked for: NIO's buffer pools, and Netty's counters.

They tell direct buffers from what NMT books in the same category: Unsafe, foreign memory, and Netty's buffers without
cleaner, which no pool counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

DIRECT, MAPPED = "direct", "mapped"
_MOST = 64
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class BufferPool:
    """One pool of java.nio. `used_bytes` is what the JVM reserved for it, `capacity_bytes` what was asked for."""

    name: str
    count: int
    used_bytes: int
    capacity_bytes: int


@dataclass(frozen=True, slots=True)
class NettyCounters:
    """One copy of Netty, told by the name of its class (libraries move it into packages of their own).

    `used_direct_bytes` is what its buffers without cleaner hold, None where it does not count them; `pooled_bytes` what
    the default pooled allocator took, None where it is not used.
    """

    class_name: str
    used_direct_bytes: int | None
    max_direct_bytes: int | None
    pooled_bytes: int | None


@dataclass(frozen=True, slots=True)
class BufferPools:
    """One reading. `max_direct_bytes` is the limit of direct buffers that holds, None where it was not told."""

    pools: tuple[BufferPool, ...]
    max_direct_bytes: int | None = None
    disable_explicit_gc: bool | None = None
    netty: tuple[NettyCounters, ...] = ()

    @property
    def direct(self) -> BufferPool | None:
        return self._of(DIRECT)

    @property
    def mapped(self) -> BufferPool | None:
        return self._of(MAPPED)

    @property
    def netty_bytes(self) -> int:
        """What Netty holds in buffers that no pool counts."""
        return sum(each.used_direct_bytes or 0 for each in self.netty)

    def _of(self, name: str) -> BufferPool | None:
        return next((pool for pool in self.pools if pool.name == name), None)


def parse_buffer_pools(data: object) -> BufferPools:
    """Read the answer of the agent. Raises EvidenceError when it tells of an error or has no pools."""
    if not isinstance(data, dict):
        raise EvidenceError("the buffer pools are not an object")
    if isinstance(data.get("error"), str):
        raise EvidenceError(f"the agent failed: {data['error'][:_MAX_NAME]}")
    pools = [_pool(each) for each in _list(data.get("pools"))]
    if not pools:
        raise EvidenceError("no buffer pool in the answer")
    disabled = data.get("disable_explicit_gc")
    return BufferPools(
        pools=tuple(pools),
        max_direct_bytes=_count(data.get("max_direct_bytes")),
        disable_explicit_gc=disabled if isinstance(disabled, bool) else None,
        netty=tuple(_netty(each) for each in _list(data.get("netty"))),
    )


def _pool(data: object) -> BufferPool:
    members = data if isinstance(data, dict) else {}
    name = members.get("name")
    used, count, capacity = (_count(members.get(key)) for key in ("used_bytes", "count", "capacity_bytes"))
    if not isinstance(name, str) or used is None:
        raise EvidenceError("a buffer pool without name or size")
    return BufferPool(name[:_MAX_NAME], count or 0, used, capacity or 0)


def _netty(data: object) -> NettyCounters:
    members = data if isinstance(data, dict) else {}
    pooled = members.get("pooled")
    return NettyCounters(
        class_name=str(members.get("class", ""))[:_MAX_NAME],
        used_direct_bytes=_count(members.get("used_direct_bytes")),
        max_direct_bytes=_count(members.get("max_direct_bytes")),
        pooled_bytes=_count(pooled.get("used_direct_bytes")) if isinstance(pooled, dict) else None,
    )


def _list(value: object) -> list[object]:
    return value[:_MOST] if isinstance(value, list) else []


def _count(value: object) -> int | None:
    """A number of bytes or things; -1, which the JVM and Netty say where they do not know, is None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
