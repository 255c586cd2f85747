"""The words of an answer: what grows, how sure, what came of a rule. They are the API's words (design §6)."""

from __future__ import annotations

from enum import StrEnum


class VerdictKind(StrEnum):
    """What leaks, or that nothing does, or that it cannot be told."""

    JAVA_HEAP = "JavaHeap"
    THREADS = "Threads"
    METASPACE = "Metaspace"
    CODE_CACHE = "CodeCache"
    JIT_COMPILER = "JitCompiler"
    GC_STRUCTURES = "GcStructures"
    DIRECT_BUFFERS = "DirectBuffers"
    UNSAFE_MEMORY = "UnsafeMemory"
    NATIVE_MALLOC = "NativeMalloc"
    NATIVE_MMAP = "NativeMmap"
    GLIBC_RETENTION = "GlibcRetention"
    AWAITING_GC = "AwaitingGc"
    MAPPED_FILES = "MappedFiles"
    PAGE_CACHE = "PageCache"
    TMPFS = "Tmpfs"
    OTHER_NMT_CATEGORY = "OtherNmtCategory"
    SIDE_PROCESS = "SideProcess"
    LIMIT_TOO_SMALL = "LimitTooSmall"
    NO_LEAK = "NoLeak"
    INCONCLUSIVE = "Inconclusive"


class Outcome(StrEnum):
    """Of one rule: Fail is a leak shown, Warn a suspicion, Pass a worry removed, Unknown a question left open."""

    FAIL = "Fail"
    WARN = "Warn"
    PASS = "Pass"  # noqa: S105 - a word of the API
    UNKNOWN = "Unknown"


class Confidence(StrEnum):
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


_HIGH, _MEDIUM = 0.8, 0.5
"""docs/sources.md: confidence is explained share × agreement of witnesses; calibrated on the measured signature matrix."""


def confidence_of(score: float) -> Confidence:
    """From a score of 0 to 1."""
    if score >= _HIGH:
        return Confidence.HIGH
    return Confidence.MEDIUM if score >= _MEDIUM else Confidence.LOW
