"""The compilers' arenas grow far beyond the usual: C2 on one huge method, or a JDK's defect (JDK-8291665)."""

from __future__ import annotations

from offheap.diagnosis import balance
from offheap.diagnosis.answer import Finding
from offheap.diagnosis.case import COMPILER_FLOOR_BYTES, Case
from offheap.diagnosis.kinds import VerdictKind
from offheap.diagnosis.words import meaning, options, rate, size
from offheap.evidence.compiler_memory import Compilation


def judge(case: Case) -> Finding | None:
    suspicion = case.suspect(case.rows.get(balance.COMPILER), floor_bytes=COMPILER_FLOOR_BYTES)
    if suspicion is None:
        return None
    largest = _largest(case)
    of = (
        f" The largest compilation took {size(largest.total_bytes)}: {largest.method} ({largest.compiler})."
        if largest
        else ""
    )
    names = case.categories_of(balance.COMPILER_CATEGORIES)
    return suspicion.finding(
        VerdictKind.JIT_COMPILER,
        f"The compilers' work memory (NMT {' and '.join(names)}) grew by {size(suspicion.growth.rise)}, "
        f"{rate(suspicion.growth.slope)}.{of} {meaning(*names)}",
        "Update the JDK; exclude the method that is being compiled (-XX:CompileCommand=exclude,Class::method), or bound "
        "each compilation (-XX:CompileCommand=MemLimit,*.*,128M on JDK 22 and later; Compiler.memory shows them). "
        f"{options(*names)}",
        case.sources("nmt", "jvm/compiler_memory"),
        owner=largest.method if largest else None,
    )


def _largest(case: Case) -> Compilation | None:
    """The compilation that took most, where the VM was told to count (JDK 22 and later)."""
    read = next((sample.compiler for sample in reversed(case.samples) if sample.compiler), None)
    return read.largest if read else None
