"""What /proc/PID/status says: threads, resident and swapped memory, in a text of one kilobyte."""

from __future__ import annotations

from offheap.collector.outcome import permission_denied
from offheap.collector.text import clean
from offheap.collector.visit import ALWAYS, Take, Taken, Visit


def take_status(visit: Visit) -> Taken:
    pid = visit.jvm.target.pid
    try:
        return Taken(clean(visit.proc.read(pid, "status", 16 << 10)))
    except OSError:
        raise permission_denied(f"/proc/{pid}/status") from None


TAKES = (Take("process", "status", ALWAYS, take_status),)
