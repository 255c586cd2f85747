"""Native memory of objects that are garbage already: unclosed streams and direct buffers wait for a collection.

The heap fills so slowly, or is so large, that no collection finds them. Seen by the experiment: after GC.run the memory is
free, and a trim gives it back.
"""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.allocations import main_asker
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import Case, Suspicion
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.malloc_witnesses import hear
from offheap.diagnosis.outside import outside, returned_enough
from offheap.diagnosis.words import rate, size
from offheap.evidence.native_stacks import NativeStack


def judge(case: Case) -> Finding | None:
    if suspicion := direct_memory_waits(case):
        stacks = [stack for each in case.allocations[:1] for stack in each.by_java]
        return _finding(case, suspicion, "Direct memory", stacks)
    found = outside(case)
    if found is None or found.kind is not VerdictKind.AWAITING_GC:
        return None
    profile = found.witnesses.profile
    stacks = list(profile.native) if profile and found.witnesses.profiled else []
    return _finding(case, found.suspicion, "Memory outside NMT's sight", stacks, found.says)


def direct_memory_waits(case: Case) -> Suspicion | None:
    """The suspicion on direct memory when a collection gave most of its growth back."""
    growth = case.rows.get(balance.DIRECT) or case.direct_pool
    if growth is None or not case.bookings:
        return None
    heard = hear(case, growth)
    if not returned_enough(heard.gc, case.bookings[-1].of(balance.DIRECT) or 0, growth):
        return None
    return case.suspect(growth, witnesses=[case.is_resident(growth)], confirmations=[True])


def _finding(case: Case, suspicion: Suspicion, what: str, stacks: list[NativeStack], says: str = "") -> Finding:
    asker = main_asker(stacks)
    who = f" It was asked for by {asker.words}." if asker else ""
    gc = next((sample.gc for sample in reversed(case.samples) if sample.gc), None)
    returned = "" if gc is None or says else f" A collection gave back {size(gc.returned_bytes)}, the heap included."
    return suspicion.finding(
        VerdictKind.AWAITING_GC,
        f"{what} grew by {size(suspicion.growth.rise)}, {rate(suspicion.growth.slope)}, and a collection freed it: it belongs to "
        f"objects that are garbage and wait for one.{who}{returned} {says}".strip(),
        "Close the objects instead of leaving them to the collector (Inflater.end(), try-with-resources, ByteBuf.release()). "
        "Else let collections come sooner: a smaller -Xmx or young generation, -XX:G1PeriodicGCInterval, or a bound "
        "(-XX:MaxDirectMemorySize) that makes NIO collect; -XX:+DisableExplicitGC forbids it that: remove it.",
        case.sources("malloc-info/gc", "malloc-info/trim", "malloc-info/info", "nmt", "smaps/smaps"),
        owner=asker.owner if asker else None,
    )
