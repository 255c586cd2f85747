"""Numbers and NMT's categories as people read them, for messages only."""

from __future__ import annotations

from offheap.evidence.nmt_categories import meaning_of

_MIB = 1 << 20


def size(value_bytes: float) -> str:
    """`412 MiB`, `3.2 MiB`, `640 KiB`."""
    mebibytes = value_bytes / _MIB
    if abs(mebibytes) >= 100:
        return f"{mebibytes:.0f} MiB"
    if abs(mebibytes) >= 1:
        return f"{mebibytes:.1f} MiB"
    return f"{value_bytes / 1024:.0f} KiB"


def share_of(part: float) -> str:
    """`97 %` of a part of 0 to 1."""
    return f"{100 * part:.0f} %"


def rate(bytes_per_second: float) -> str:
    """`412 MiB an hour`."""
    return f"{size(bytes_per_second * 3600)} an hour"


def span(seconds: float) -> str:
    """`90 s`, `14 min`, `3.5 h`, `12 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def meaning(*categories: str) -> str:
    """What these NMT categories are: `NMT's Code is the code cache: …`."""
    return "; ".join(f"NMT's {category} is {meaning_of(category).text}" for category in categories) + "."


def options(*categories: str) -> str:
    """The JVM options that control these NMT categories, for the end of a recommendation."""
    named = dict.fromkeys(option for category in categories for option in meaning_of(category).options)
    whose = " and ".join(categories)
    return f"JVM options for NMT's {whose}: {', '.join(named)}." if named else f"No JVM option controls NMT's {whose}."
