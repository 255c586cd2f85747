"""A native heap profile as records, whichever allocator wrote it: stacks with what they hold, and where code lies.

Samples become estimates here, by the formulas of jeprof and pprof, so that two profiles taken at different rates can be
compared and totals agree with what those tools print.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1
from re import compile as compile_pattern

from offheap.evidence.errors import EvidenceError
from offheap.evidence.mapped_libraries import MappedLibraries


@dataclass(frozen=True, slots=True)
class HeapStack:
    """One call stack, innermost address first (return addresses). Empty `addresses`: the unwinder failed.

    `objects` and `bytes` are estimates of what lives now, `allocated_*` of all that was ever asked for (0 where the
    allocator was not told to accumulate). In a difference they may be negative.
    """

    addresses: tuple[int, ...]
    objects: int
    bytes: int
    allocated_objects: int = 0
    allocated_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HeapThread:
    """What one thread's sampled allocations still hold: samples as they stand in the file, not estimates."""

    number: int
    name: str
    sampled_objects: int
    sampled_bytes: int


@dataclass(frozen=True, slots=True)
class HeapProfile:
    """One profile. `sample_bytes` is the mean distance of samples, 1 where every allocation was counted.

    `sampled_*` are the raw totals of the file's head; `is_complete` is false for a file that ends before its
    mappings; `unread_lines` are the numbers of lines of no known grammar, which newer allocators write.
    """

    sample_bytes: int
    sampled_objects: int
    sampled_bytes: int
    stacks: tuple[HeapStack, ...]
    threads: tuple[HeapThread, ...] = ()
    libraries: MappedLibraries | None = None
    is_complete: bool = True
    unread_lines: tuple[int, ...] = ()

    @property
    def objects(self) -> int:
        return sum(stack.objects for stack in self.stacks)

    @property
    def bytes(self) -> int:
        return sum(stack.bytes for stack in self.stacks)


def subtract(profile: HeapProfile, base: HeapProfile) -> tuple[HeapStack, ...]:
    """What grew from `base` to `profile`, most bytes first; what shrank is negative, what stayed is left out.

    The same as `jeprof --base`. Both must come from one process: addresses are compared as they are.
    """
    sums = _by_addresses(profile.stacks)
    for addresses, before in _by_addresses(base.stacks).items():
        now = sums.get(addresses, (0, 0, 0, 0))
        sums[addresses] = (now[0] - before[0], now[1] - before[1], now[2] - before[2], now[3] - before[3])
    grown = [HeapStack(addresses, *counts) for addresses, counts in sums.items() if any(counts)]
    return tuple(sorted(grown, key=lambda stack: (-stack.bytes, stack.addresses)))


def unsample(objects: int, size_bytes: int, sample_bytes: int) -> tuple[int, int]:
    """Estimate (objects, bytes) of which `objects` of together `size_bytes` were sampled.

    Sampling is a Poisson process of rate 1/sample_bytes per byte, so an allocation of mean size s is seen with
    probability 1 - exp(-s/sample_bytes); both numbers are divided by it. Source: jeprof, AdjustSamples, sampling
    algorithm 2 (heap_v2). jemalloc 5.3 counts such that the result of this very formula is unbiased (prof_unbias).
    """
    if objects == 0 or size_bytes == 0 or sample_bytes <= 1:
        return objects, size_bytes
    factor = -1.0 / expm1(-size_bytes / objects / sample_bytes)
    return round(objects * factor), round(size_bytes * factor)


class AddressBook(dict[str, int]):
    """Hexadecimal words to numbers, each converted and checked once: stacks repeat the same addresses all the time."""

    _word = compile_pattern(r"0[xX][0-9a-fA-F]{1,16}")

    def __missing__(self, word: str) -> int:
        if not self._word.fullmatch(word):
            raise EvidenceError("not an address in a stack")
        address = self[word] = int(word, 16)
        return address

    def read(self, words: str, line: int) -> tuple[int, ...]:
        """The addresses of one stack. Raises EvidenceError, with the line, on a word that is none."""
        try:
            return tuple(map(self.__getitem__, words.split()))
        except EvidenceError as error:
            raise EvidenceError(error.message, line) from None


def _by_addresses(stacks: Iterable[HeapStack]) -> dict[tuple[int, ...], tuple[int, int, int, int]]:
    sums: dict[tuple[int, ...], tuple[int, int, int, int]] = {}
    for stack in stacks:
        had = sums.get(stack.addresses, (0, 0, 0, 0))
        sums[stack.addresses] = (
            had[0] + stack.objects,
            had[1] + stack.bytes,
            had[2] + stack.allocated_objects,
            had[3] + stack.allocated_bytes,
        )
    return sums
