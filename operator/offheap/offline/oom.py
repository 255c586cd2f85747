"""What the kernel's lines about an OOM kill tell of the container: its limit, and what was resident when it was killed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from offheap.evidence.oom_log import OomKill

_LIMIT = re.compile(r"memory: usage (\d{1,16})kB, limit (\d{1,16})kB, failcnt")
_NO_LIMIT_FROM = 1 << 50


def limit_in(text: str) -> int | None:
    """The limit of the cgroup that ran out, bytes; None where the log does not tell it (dump of memory statistics was cut)."""
    limits = [int(found[2]) << 10 for found in _LIMIT.finditer(text)]
    return next((limit for limit in reversed(limits) if limit < _NO_LIMIT_FROM), None)


def victim(kills: Sequence[OomKill]) -> OomKill | None:
    """The kill that matters: the last one of java, else the last one."""
    java = [kill for kill in kills if kill.task.startswith("java")]
    return next(reversed(java or list(kills)), None)


def rollup_text(kill: OomKill) -> str:
    """What was resident at the kill, as smaps_rollup would say it."""
    return f"Rss: {kill.rss_bytes >> 10} kB\nAnonymous: {kill.anon_rss_bytes >> 10} kB\n"
