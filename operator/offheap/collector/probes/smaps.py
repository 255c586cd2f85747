"""What is resident of each mapping, and in all.

The kernel walks the page tables for it, which holds up the target's own mmap calls for some milliseconds but stops
nothing. The full text of a JVM is 0.5 to 14 MB, so it is reduced and compressed while it is read.
"""

from __future__ import annotations

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.text import Text, clean
from offheap.collector.visit import ALWAYS, Take, Taken, Visit

_KEPT = (
    b"Size:",
    b"Rss:",
    b"Pss:",
    b"Private_Dirty:",
    b"Anonymous:",
    b"Swap:",
    b"AnonHugePages:",
    b"ShmemPmdMapped:",
    b"FilePmdMapped:",
)
_MOST_BYTES = 128 << 20
"""65 530 mappings, the kernel's default limit, at 1.2 KB each, and some."""


def take_rollup(visit: Visit) -> Taken:
    pid = visit.jvm.target.pid
    try:
        text = clean(visit.proc.read(pid, "smaps_rollup", 16 << 10))
    except OSError:
        raise permission_denied(f"/proc/{pid}/smaps_rollup") from None
    if not text.strip():
        raise Skip("TargetExiting", "the process has no memory mapped any more")
    return Taken(text)


def take_smaps(visit: Visit) -> Taken:
    pid = visit.jvm.target.pid
    text = Text(head_bytes=2048)
    read = 0
    try:
        with open(visit.proc.path(pid, "smaps"), "rb") as smaps:
            for line in smaps:
                read += len(line)
                if read > _MOST_BYTES:
                    raise Skip(
                        "AnswerTooLarge", f"smaps is larger than {_MOST_BYTES >> 20} MiB; smaps_rollup is taken instead"
                    )
                if is_kept(line):
                    text.add(clean(line))
    except OSError:
        raise permission_denied(f"/proc/{pid}/smaps") from None
    return Taken(text)


def is_kept(line: bytes) -> bool:
    """Headers (they start with an address, all other lines with a capital), flags, and the wanted lines unless zero."""
    if not line[:1].isupper():
        return line[:1] in b"0123456789abcdef" and line[:1] != b""
    return line.startswith(b"VmFlags:") or (line.startswith(_KEPT) and not line.endswith(b" 0 kB\n"))


TAKES = (
    Take("smaps", "rollup", ALWAYS, take_rollup),
    Take("smaps", "smaps", ALWAYS, take_smaps, bulk=True),
)
