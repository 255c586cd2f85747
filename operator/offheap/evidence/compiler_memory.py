"""`jcmd Compiler.memory` of JDK 22 and later: how much memory single compilations took, largest first.

The VM counts only while it is told to (-XX:CompileCommand=MemStat,*.*,collect, or MemLimit), and says that it is
disabled otherwise. Columns differ by version (`type`, `ctyp`; `NA`, `node`), so a row is read by the names in the table's head.
Grammar: compilationMemoryStatistic.cpp.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_TITLES = ("Compiler Memory Statistic", "Compilation memory statistics")
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)
_MAX_METHOD = 500
_KINDS = ("ctyp", "type")


@dataclass(frozen=True, slots=True)
class Compilation:
    """One compilation: `total_bytes` is its peak. `result` is `ok`, `err` or `oom` (the limit was hit)."""

    compiler: str
    total_bytes: int
    result: str
    method: str


@dataclass(frozen=True, slots=True)
class CompilerMemory:
    """The compilations that the VM kept, in the order of the text; none when it was not told to count."""

    compilations: tuple[Compilation, ...]

    @property
    def largest(self) -> Compilation | None:
        return max(self.compilations, key=lambda compilation: compilation.total_bytes, default=None)


def parse_compiler_memory(text: str) -> CompilerMemory:
    """Read one answer. Raises EvidenceError when it is another text, and on a row that does not fit the head."""
    columns: list[str] = []
    compilations: list[Compilation] = []
    titled = False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        titled = titled or line.strip().startswith(_TITLES)
        if "total" in words and "method" in words and "result" in words:
            columns = words
        elif columns and words and (_NUMBER.fullmatch(words[0]) or words[0] in ("c1", "c2", "jvmci")):
            compilations.append(_compilation(line, columns, number))
    if not columns and not titled:
        raise EvidenceError("not an answer of Compiler.memory", 1)
    return CompilerMemory(tuple(compilations))


def _compilation(line: str, columns: list[str], number: int) -> Compilation:
    words = line.split(maxsplit=len(columns) - 1)
    if len(words) < len(columns):
        raise EvidenceError("a compilation with fewer columns than the head has", number)
    row = dict(zip(columns, words, strict=True))
    if not _NUMBER.fullmatch(row["total"]):
        raise EvidenceError("a compilation without its total", number)
    compiler = next((row[kind] for kind in _KINDS if kind in row), "")
    return Compilation(compiler[:16], int(row["total"]), row["result"][:16], row["method"].strip()[:_MAX_METHOD])
