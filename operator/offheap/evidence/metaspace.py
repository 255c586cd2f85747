"""`jcmd VM.metaspace` of JDK 16 and later, and `VM.metaspace basic` of 11 and later: what loaders use, what is committed
and reserved, and the limits.

Grammar: metaspaceReporter.cpp. Sizes are printed with two decimals, so a byte count here is right to a hundredth of its
unit only. JDK 11's long form is another text, which is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_UNITS = {"bytes": 1, "byte": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_SIZE = r" +(\d{1,16}(?:\.\d{1,2})?) (bytes?|[KMGT]?B)"
_SHARE = r" \( *<?\d{1,3}%\)"
_USAGE = re.compile(r"^Total Usage - (\d{1,10}) loaders, (\d{1,10}) classes(?: \((\d{1,10}) shared\))?:$", re.ASCII)
_PART = re.compile(
    rf"^(Non-Class|Class|Both): +(\d{{1,10}}) chunks?,{_SIZE} capacity,{_SIZE}{_SHARE} committed,"
    rf"{_SIZE}{_SHARE} used,{_SIZE}{_SHARE} free,{_SIZE}{_SHARE} waste ?,"
    rf" deallocated: (\d{{1,10}}) blocks with (\d{{1,16}}(?:\.\d{{1,2}})?) (bytes?|[KMGT]?B)$",
    re.ASCII,
)
_BASIC = re.compile(
    r"^(?:(Non-class|Class|Both): *)?(?:\d{1,16}(?:\.\d{1,2})? (?:bytes?|[KMGT]?B) capacity, *)?"
    rf"(\d{{1,16}}(?:\.\d{{1,2}})?) (bytes?|[KMGT]?B)(?:{_SHARE})? used[.,]",
    re.ASCII,
)
_SPACE = re.compile(
    r"^(?:(Non-class space|Class space|Both|MetaspaceSpace): +)?(\d{1,16}(?:\.\d{1,2})?) (bytes?|[KMGT]?B) reserved,"
    rf"{_SIZE}{_SHARE} committed",
    re.ASCII,
)
_SETTING = re.compile(rf"^(MaxMetaspaceSize|CompressedClassSpaceSize|Current GC threshold):(?:{_SIZE}| unlimited)$")


@dataclass(frozen=True, slots=True)
class MetaspaceUsage:
    """What the loaders hold, of one kind of metaspace. `waste_bytes` and `free_bytes` are committed but not used."""

    chunks: int
    capacity_bytes: int
    committed_bytes: int
    used_bytes: int
    free_bytes: int
    waste_bytes: int
    deallocated_bytes: int


@dataclass(frozen=True, slots=True)
class VirtualSpace:
    """What was taken from the kernel for one kind of metaspace, whoever uses it."""

    reserved_bytes: int
    committed_bytes: int


@dataclass(frozen=True, slots=True)
class Metaspace:
    """The whole report. `class_*` are None without compressed class pointers; `max_bytes` is None when unlimited. The short
    form does not count loaders, classes and chunks: these are None with it."""

    used_bytes: int
    virtual: VirtualSpace
    loaders: int | None = None
    classes: int | None = None
    shared_classes: int | None = None
    both: MetaspaceUsage | None = None
    non_class: MetaspaceUsage | None = None
    class_space: MetaspaceUsage | None = None
    class_virtual: VirtualSpace | None = None
    max_bytes: int | None = None
    class_space_max_bytes: int | None = None
    gc_threshold_bytes: int | None = None


def parse_metaspace(text: str) -> Metaspace:
    """Read one answer. Raises EvidenceError when the usage or the virtual space is missing or cannot be read."""
    head: re.Match[str] | None = None
    usages: dict[str, MetaspaceUsage] = {}
    used: dict[str, int] = {}
    spaces: dict[str, VirtualSpace] = {}
    settings: dict[str, int] = {}
    for number, line in enumerate((raw.strip() for raw in text.splitlines()), start=1):
        if found := _USAGE.match(line):
            head = found
        elif found := _PART.match(line):
            usages[found[1]] = MetaspaceUsage(
                chunks=int(found[2]),
                capacity_bytes=_bytes(found[3], found[4]),
                committed_bytes=_bytes(found[5], found[6]),
                used_bytes=_bytes(found[7], found[8]),
                free_bytes=_bytes(found[9], found[10]),
                waste_bytes=_bytes(found[11], found[12]),
                deallocated_bytes=_bytes(found[14], found[15]),
            )
        elif found := _BASIC.match(line):
            used[found[1] or "Both"] = _bytes(found[2], found[3])
        elif found := _SPACE.match(line):
            spaces[found[1] or "Both"] = VirtualSpace(_bytes(found[2], found[3]), _bytes(found[4], found[5]))
        elif found := _SETTING.match(line):
            if found[2]:
                settings[found[1]] = _bytes(found[2], found[3])
        elif line.startswith("Total Usage") or " capacity, " in line:
            raise EvidenceError("a usage of metaspace that cannot be read", number)
    both = usages.get("Both") or usages.get("Non-Class")
    virtual = spaces.get("Both") or spaces.get("Non-class space") or spaces.get("MetaspaceSpace")
    used_bytes = both.used_bytes if both else used.get("Both")
    if used_bytes is None or virtual is None or (both is not None and head is None):
        raise EvidenceError("not an answer of VM.metaspace (JDK 16 and later) or of its short form (11 and later)", 1)
    return Metaspace(
        used_bytes=used_bytes,
        virtual=virtual,
        loaders=int(head[1]) if head else None,
        classes=int(head[2]) if head else None,
        shared_classes=int(head[3] or 0) if head else None,
        both=both,
        non_class=usages.get("Non-Class"),
        class_space=usages.get("Class"),
        class_virtual=spaces.get("Class space"),
        max_bytes=settings.get("MaxMetaspaceSize"),
        class_space_max_bytes=settings.get("CompressedClassSpaceSize"),
        gc_threshold_bytes=settings.get("Current GC threshold"),
    )


def _bytes(number: str, unit: str) -> int:
    whole, _, hundredths = number.partition(".")
    return (int(whole) * 100 + int(hundredths.ljust(2, "0"))) * _UNITS[unit] // 100
