"""Buffer pools tell direct buffers from Unsafe and foreign memory, and Netty's counters name Netty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from offheap.diagnosis import Confidence, Verdict, VerdictKind, diagnose
from offheap.evidence.buffer_pools import BufferPool, BufferPools, NettyCounters
from offheap.evidence.bundle import Evidence, Sample
from offheap.evidence.native_stacks import parse_native_stacks
from tests.unit.diagnosis.samples import BASE_OF_8, b, jvm, sample

COUNT = 24
NETTY = "com.acme.shaded.io.netty.util.internal.PlatformDependent"


def pools(direct: float, netty: float | None = None, *, explicit_gc_off: bool = False) -> BufferPools:
    counters = () if netty is None else (NettyCounters(NETTY, b(netty), None, None),)
    return BufferPools(
        (BufferPool("direct", 4, b(direct), b(direct)), BufferPool("mapped", 0, 0, 0)),
        b(512),
        explicit_gc_off,
        counters,
    )


def leak(direct: float, netty: float | None = None, *, nmt: bool = True, of_8: bool = False) -> Callable[[int], Sample]:
    """NMT's category takes 2 MiB a sample; the pools and Netty so much of it, 0 to 1."""

    def make(index: int) -> Sample:
        category = {"Internal" if of_8 else "Other": 2.0 * index}
        made = sample(index, nmt=category, base=BASE_OF_8 if of_8 else None)
        counted = pools(2 * index * direct, None if netty is None else 2 * index * netty)
        return replace(made, pools=counted, nmt=made.nmt if nmt else None)

    return make


def verdict(make: Callable[[int], Sample], stacks: str | None = None) -> Verdict:
    profiled = None if stacks is None else parse_native_stacks(stacks)
    samples = tuple(make(index) for index in range(COUNT))
    return diagnose(Evidence(jvm=jvm(), limit_bytes=b(1024), samples=samples, native_stacks=profiled)).verdict


@pytest.mark.parametrize("of_8", [True, False])
def test_pools_that_grow_in_step_are_direct_buffers(of_8: bool) -> None:
    found = verdict(leak(direct=1, of_8=of_8))
    assert (found.kind, found.confidence) == (VerdictKind.DIRECT_BUFFERS, Confidence.HIGH)
    assert "grew in step" in found.summary
    assert "Unsafe" not in found.summary.partition("grew in step")[2]


@pytest.mark.parametrize("of_8", [True, False])
def test_pools_that_do_not_grow_are_unsafe_memory(of_8: bool) -> None:
    found = verdict(leak(direct=0, of_8=of_8))
    assert (found.kind, found.confidence, found.owner) == (VerdictKind.UNSAFE_MEMORY, Confidence.HIGH, None)
    assert "Unsafe.allocateMemory" in found.summary


def test_nettys_own_counter_names_netty() -> None:
    found = verdict(leak(direct=0, netty=0.9))
    assert (found.kind, found.owner) == (VerdictKind.UNSAFE_MEMORY, "com.acme.shaded.io.netty")
    assert "Netty's buffers without cleaner" in found.summary
    other = verdict(leak(direct=0, netty=0.1))
    assert (other.kind, other.owner) == (VerdictKind.UNSAFE_MEMORY, None)
    assert "not what Netty counts" in other.summary


@pytest.mark.parametrize(("pooled", "kind"), [(10.0, VerdictKind.UNSAFE_MEMORY), (40.0, VerdictKind.DIRECT_BUFFERS)])
def test_one_reading_of_the_pools_counts_from_16_mib_on(pooled: float, kind: VerdictKind) -> None:
    """46 MiB in the category at the end."""

    def make(index: int) -> Sample:
        made = sample(index, nmt={"Other": 2.0 * index})
        return replace(made, pools=pools(pooled)) if index == COUNT - 1 else made

    assert verdict(make).kind is kind


def test_without_nmt_the_pools_alone_show_direct_buffers() -> None:
    found = verdict(leak(direct=1, nmt=False))
    assert (found.kind, found.confidence) == (VerdictKind.DIRECT_BUFFERS, Confidence.HIGH)
    assert verdict(leak(direct=0, nmt=False)).kind is VerdictKind.INCONCLUSIVE


def test_a_profile_names_who_asked_for_direct_memory() -> None:
    stack = (
        "com/acme/Cache.put_[j];java/nio/ByteBuffer.allocateDirect_[j];java/nio/DirectByteBuffer.<init>_[j];"
        f"jdk/internal/misc/Unsafe.allocateMemory0_[0];Unsafe_AllocateMemory0;os::malloc;malloc_hook {b(40)}\n"
    )
    found = verdict(leak(direct=1), stack)
    assert (found.kind, found.owner) == (VerdictKind.DIRECT_BUFFERS, "com.acme.Cache.put")
    assert "called by com.acme.Cache.put" in found.summary


def test_disabled_explicit_collections_are_warned_about() -> None:
    def make(index: int) -> Sample:
        made = sample(index, nmt={"Other": 2.0 * index})
        return replace(made, pools=pools(2 * index, explicit_gc_off=True))

    assert "-XX:+DisableExplicitGC is set" in verdict(make).recommendation
    assert "-XX:+DisableExplicitGC is set" not in verdict(leak(direct=1)).recommendation
