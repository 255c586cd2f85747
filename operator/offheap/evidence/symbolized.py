"""A heap profile that carries its own names, as `jeprof --raw` writes it: then no binary of the target is needed to read it.

The counts are the estimates, not the samples, so it is written as a profile that counted everything; jeprof leaves those alone
and its totals are the same. Source: jeprof, ReadProfile, ReadSymbols, FetchSymbols.
"""

from __future__ import annotations

from collections.abc import Iterable

from offheap.evidence.frame_names import FrameNames
from offheap.evidence.heap_profile import HeapStack


def symbolized(stacks: Iterable[HeapStack], names: FrameNames) -> str:
    """The whole file, without the allocator's own frames.

    jeprof reads no negative numbers: of a difference only what grew is written. What shrank too is seen with two whole files, one
    of them as its --base.
    """
    symbols: dict[int, str] = {}
    sums = [0, 0, 0, 0]
    body = []
    for stack in stacks:
        if stack.bytes <= 0:
            continue
        # A stack without any address is passed over there.
        addresses = names.callers(stack) or stack.addresses[:1] or (0,)
        for position, address in enumerate(addresses):
            # jeprof looks up the innermost address as it stands, and of all others the call before them.
            symbols[address if position == 0 else address - 1] = _name(names, address)
        counts = [max(0, n) for n in (stack.objects, stack.bytes, stack.allocated_objects, stack.allocated_bytes)]
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        body.append(f"{_counts(*counts)} @{''.join(f' 0x{address:x}' for address in addresses)}\n")
    table = "".join(f"0x{address:016x} {name}\n" for address, name in sorted(symbols.items()))
    head = f"--- symbol\nbinary=java\n{table}---\n--- heap\nheap profile: {_counts(*sums)} @ heapprofile\n"
    return f"{head}{''.join(body)}\nMAPPED_LIBRARIES:\n"


def _counts(objects: int, size: int, allocated_objects: int, allocated_size: int) -> str:
    return f"{objects:6}: {size:8} [{allocated_objects:6}: {allocated_size:8}]"


def _name(names: FrameNames, address: int) -> str:
    """`--` parts the names of inlined functions there, so `operator--` would be two."""
    return names.of(address).replace("--", "- -")
