"""What VM.flags, VM.version and VM.command_line tell of the JVM, as the identity that the collector finds out by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

_VERSION = re.compile(r"^JDK (\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,4}))?", re.MULTILINE)
_COLLECTORS = {
    "UseSerialGC": "Serial",
    "UseParallelGC": "Parallel",
    "UseG1GC": "G1",
    "UseZGC": "Z",
    "UseShenandoahGC": "Shenandoah",
    "UseConcMarkSweepGC": "CMS",
    "UseEpsilonGC": "Epsilon",
}
_MAX_HEAP = re.compile(r"^-XX:MaxHeapSize=(\d{1,15})([kKmMgGtT]?)$|^-Xmx(\d{1,15})([kKmMgGtT]?)$")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


_ALLOCATORS = (
    ("libjemalloc", "jemalloc"),
    ("libtcmalloc", "tcmalloc"),
    ("libmimalloc", "mimalloc"),
    ("ld-musl", "musl"),
)


def allocator_in(mappings: str) -> str | None:
    """The allocator that took glibc's place, by its library in a text of smaps or pmap. None: there is no other."""
    return next((name for library, name in _ALLOCATORS if library in mappings), None)


def identity_of(pid: int, texts: Sequence[str], heap_bytes: int | None, allocator: str | None) -> dict[str, object]:
    """The members of an identity. `heap_bytes` is the heap's maximum where other texts tell it."""
    options = [word for text in texts for word in text.split() if word.startswith(("-XX:", "-Xm", "-Xs"))]
    heap = [found for word in options if (found := _MAX_HEAP.match(word))]
    sizes = [int(found[1] or found[3]) * _UNITS[(found[2] or found[4] or "").lower()] for found in heap]
    version = next((found for text in texts if (found := _VERSION.search(text))), None)
    gc = next((name for option, name in _COLLECTORS.items() if f"-XX:+{option}" in options), "unknown")
    return {
        "pid": pid,
        "start_time_ticks": 0,
        "vm": "HotSpot",
        "version": version[0].removeprefix("JDK ") if version else "unknown",
        "feature": int(version[1]) if version else None,
        "gc": gc,
        "allocator": allocator,
        "max_heap_bytes": sizes[-1] if sizes else heap_bytes,
        "options": list(dict.fromkeys(options)),
    }
