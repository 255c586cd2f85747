"""What each NMT category holds and which JVM options control it, for all categories of JDK 8 to 25.

A reader of a finding should not have to look this up. Names: memTag.hpp and allocation.hpp of OpenJDK. What a name
means changed between releases: `Internal` held NIO and Unsafe memory on JDK 8, `Other` holds it since 11; metaspace
moved out of `Class` in 17.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CategoryMeaning:
    """`options` are the options that bound or shape the category; empty where the JVM has none."""

    name: str
    meaning: str
    options: tuple[str, ...] = ()
    note: str = ""

    @property
    def text(self) -> str:
        """The meaning with its note, to be read on after `NMT's Symbol is …`."""
        return f"{self.meaning}; {self.note}" if self.note else self.meaning


_MEANINGS = (
    CategoryMeaning(
        "Java Heap",
        "the heap of Java objects; committed is what the JVM may touch, not what is resident",
        ("-Xmx", "-Xms", "-XX:MaxRAMPercentage", "-XX:+AlwaysPreTouch"),
    ),
    CategoryMeaning(
        "Class",
        "class metadata: up to JDK 16 the whole metaspace, from 17 the class space and the loaders' own structures",
        ("-XX:MaxMetaspaceSize", "-XX:MetaspaceSize", "-XX:CompressedClassSpaceSize"),
    ),
    CategoryMeaning(
        "Metaspace",
        "metadata of loaded classes: methods, constant pools, annotations (a category of its own since JDK 17)",
        ("-XX:MaxMetaspaceSize", "-XX:MetaspaceSize", "-XX:MinMetaspaceFreeRatio"),
    ),
    CategoryMeaning(
        "Thread",
        "thread stacks and the VM's thread structures; JDK 8 counts each stack whole, later ones the touched part",
        ("-Xss", "-XX:ThreadStackSize", "-XX:VMThreadStackSize", "-XX:CompilerThreadStackSize"),
    ),
    CategoryMeaning("Thread Stack", "stacks of threads, counted under Thread in a summary", ("-Xss",)),
    CategoryMeaning(
        "Code",
        "the code cache: machine code of compiled methods, interpreter and stubs",
        ("-XX:ReservedCodeCacheSize", "-XX:InitialCodeCacheSize", "-XX:+UseCodeCacheFlushing"),
    ),
    CategoryMeaning(
        "GC",
        "the collector's own structures: card tables, remembered sets, mark bitmaps, mark stacks",
        ("-XX:G1HeapRegionSize", "-XX:ParallelGCThreads", "-XX:ConcGCThreads", "-XX:MarkStackSizeMax"),
    ),
    CategoryMeaning(
        "GCCardSet",
        "G1's remembered sets: which regions point into which (JDK 18 and later)",
        ("-XX:G1HeapRegionSize", "-XX:G1RemSetArrayOfCardsEntries"),
    ),
    CategoryMeaning(
        "Compiler",
        "work memory of the C1 and C2 compilers; a peak far above the present value is one huge method",
        (
            "-XX:CICompilerCount",
            "-XX:CompileCommand=exclude,…",
            "-XX:CompileCommand=MemLimit,…",
            "-XX:TieredStopAtLevel",
        ),
    ),
    CategoryMeaning("JVMCI", "the compiler interface for Graal", ("-XX:-EnableJVMCI", "-XX:JVMCIThreads")),
    CategoryMeaning(
        "Internal",
        "what has no category of its own: command line, JVMTI and agents, perf data; on JDK 8 also direct buffers and "
        "Unsafe.allocateMemory",
        ("-XX:MaxDirectMemorySize", "-XX:-UsePerfData", "-javaagent", "-agentpath"),
    ),
    CategoryMeaning(
        "Other",
        "memory that Java code asks for outside the heap: direct buffers, Unsafe.allocateMemory, foreign memory arenas "
        "(JDK 11 and later)",
        ("-XX:MaxDirectMemorySize", "-Djdk.nio.maxCachedBufferSize", "-Dio.netty.maxDirectMemory"),
    ),
    CategoryMeaning(
        "Symbol",
        "symbols (names of classes, methods, fields) and the table of interned strings",
        ("-XX:StringTableSize", "-XX:SymbolTableSize"),
        "it grows with String.intern of ever new strings and with generated class names",
    ),
    CategoryMeaning(
        "Native Memory Tracking",
        "the book-keeping of this very tracking",
        ("-XX:NativeMemoryTracking",),
        "level detail costs more than summary, which costs more than off",
    ),
    CategoryMeaning(
        "Arena Chunk",
        "chunks that the compilers and the resolver hold for reuse; it swings with compilation",
        ("-XX:CICompilerCount",),
    ),
    CategoryMeaning(
        "Shared class space",
        "the archive of pre-parsed classes (CDS), mapped from a file",
        ("-Xshare", "-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit"),
    ),
    CategoryMeaning(
        "Tracing", "JDK Flight Recorder's buffers", ("-XX:FlightRecorderOptions", "-XX:StartFlightRecording")
    ),
    CategoryMeaning("Logging", "unified logging", ("-Xlog", "-Xlog:async", "-XX:AsyncLogBufferSize")),
    CategoryMeaning("Arguments", "the command line and system properties"),
    CategoryMeaning("Module", "the module graph: modules, packages, their exports"),
    CategoryMeaning("Synchronizer", "inflated monitors (JDK 11 to 16)", ("-XX:MonitorUsedDeflationThreshold",)),
    CategoryMeaning("Synchronization", "the VM's own mutexes, and monitors where they have no category of their own"),
    CategoryMeaning(
        "Object Monitors",
        "one structure for each object that threads compete for or wait on (JDK 18 and later, 17 by backport)",
        ("-XX:MonitorUsedDeflationThreshold", "-XX:GuaranteedAsyncDeflationInterval"),
        "it grows when deflation cannot keep up",
    ),
    CategoryMeaning("Safepoint", "the page that stops threads"),
    CategoryMeaning("Serviceability", "attach, JMX and heap dump support"),
    CategoryMeaning("Statistics", "collected statistics of the VM"),
    CategoryMeaning("String Deduplication", "the table of deduplicated strings", ("-XX:-UseStringDeduplication",)),
    CategoryMeaning("JNI", "JNI handles (JDK 26 and later)"),
    CategoryMeaning("Test", "the VM's own tests"),
    CategoryMeaning("Unknown", "mappings of the VM without a category"),
)

MEANINGS = {meaning.name: meaning for meaning in _MEANINGS}
_UNTOLD = "a category that this release of offheap does not know"


def meaning_of(category: str) -> CategoryMeaning:
    """Meaning of a category by the name that NMT prints; unknown names get a meaning that says so."""
    return MEANINGS.get(category) or CategoryMeaning(category, _UNTOLD)


def direct_memory_category(feature: int | None) -> str:
    """Where NIO, Unsafe and foreign memory are booked: `Internal` up to JDK 10, `Other` since 11.

    Source: JDK-8182487 gave them the category Other; measured on 8, 11, 17, 21, 25.
    """
    return "Internal" if feature is not None and feature < 11 else "Other"
