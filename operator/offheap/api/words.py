"""The words of the API: every enumeration, in the order that matters where there is one."""

from typing import Literal, get_args

TargetKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Pod"]

Intrusion = Literal["Observe", "Attach", "Profile", "Pause", "Restart"]
"""What is done to the target, mildest first."""

Nmt = Literal["Off", "Summary", "Detail"]
Allocator = Literal["None", "Jemalloc", "Tcmalloc"]
Trial = Literal["ArenaMax", "MaxDirectMemorySize", "NettyUnpooled", "TrimNativeHeap"]
Stage = Literal[
    "Baseline", "Jemalloc", "Tcmalloc", "ArenaMax", "MaxDirectMemorySize", "NettyUnpooled", "TrimNativeHeap"
]
"""What is different in the target while one run of samples is taken; Baseline: nothing but NMT."""

ProbeName = Literal[
    "process",
    "cgroup",
    "smaps",
    "pmap",
    "jvm",
    "nmt",
    "malloc-info",
    "buffer-pools",
    "nativemem",
    "perf",
    "memory",
    "gdb",
]
"""The probes that can be asked for by name; those of an allocator or trial come with `spec.instrumentation`."""

OptionsVariable = Literal["Auto", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"]

Phase = Literal[
    "Pending",
    "Preparing",
    "Observing",
    "Instrumenting",
    "Sampling",
    "Analyzing",
    "Restoring",
    "Succeeded",
    "Inconclusive",
    "Failed",
    "Cancelled",
]
TERMINAL: tuple[Phase, ...] = ("Succeeded", "Inconclusive", "Failed", "Cancelled")

VerdictKind = Literal[
    "JavaHeap",
    "Threads",
    "Metaspace",
    "CodeCache",
    "JitCompiler",
    "GcStructures",
    "DirectBuffers",
    "UnsafeMemory",
    "NativeMalloc",
    "NativeMmap",
    "GlibcRetention",
    "AwaitingGc",
    "MappedFiles",
    "PageCache",
    "Tmpfs",
    "OtherNmtCategory",
    "SideProcess",
    "LimitTooSmall",
    "NoLeak",
    "Inconclusive",
]
Confidence = Literal["High", "Medium", "Low"]
FindingOutcome = Literal["Fail", "Warn", "Pass", "Unknown"]
ProbeState = Literal["Done", "Skipped", "Failed"]
ConditionStatus = Literal["True", "False", "Unknown"]

Capabilities = Literal["None", "Default"]
CollectorStep = Literal["Look", "Identify", "Sample", "Trace", "Final"]
CollectorState = Literal["Intended", "Running", "Done", "Failed"]
StageState = Literal["Running", "Done", "Skipped"]

InstrumentationState = Literal["None", "Intended", "Applied", "Reverting", "Reverted"]
Carrier = Literal["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CommandLine"]


def allows(granted: Intrusion, needed: Intrusion) -> bool:
    """Whether an investigation that may go as far as `granted` may do what takes `needed`."""
    levels = get_args(Intrusion)
    return bool(levels.index(needed) <= levels.index(granted))
