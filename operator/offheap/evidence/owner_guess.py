"""Whose growing memory is, guessed from what it holds, with how sure the guess is and why.

Content says what is kept, not who keeps it. One class named in most of it is a strong sign; a package that many classes share
a weaker one; entries and magic numbers of jar files only say that something reads jars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from offheap.evidence.content import Counts, MemoryContent

Confidence = Literal["High", "Medium", "Low"]

_LEAST_NAMED = 50
"""A name that is met less often may be left over from anything."""
_MAIN_SHARE, _CLEAR_SHARE = 0.5, 0.8
_PACKAGE_SHARE = 0.6
_LEAST_CLASSES = 3
_LEAST_BYTES_SHARE = 0.1
"""Strings that fill less than this of what was read, zeros aside, are beside the point."""
_LEAST_ENTRIES = 20
_OF_THE_JDK = ("java.", "javax.", "jdk.", "sun.", "com.sun.")
_JAR_READERS = ("java.util.zip.ZipFile", "java.util.jar.JarFile")


@dataclass(frozen=True, slots=True)
class OwnerGuess:
    """`owner`: a class, or a package that ends in `.*`. `because`: one clause without a full stop."""

    owner: str
    confidence: Confidence
    because: str


def guess_owner(content: MemoryContent) -> OwnerGuess | None:
    """The best guess that one look at the growing regions allows, None when nothing stands out."""
    names = _of_the_application(content)
    return _class(names, content) or _package(names) or _jar_reader(content)


def _of_the_application(content: MemoryContent) -> Counts:
    sums: dict[str, int] = {}
    for region in content.regions:
        for name, count in region.names:
            if not name.startswith(_OF_THE_JDK):
                sums[name] = sums.get(name, 0) + count
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _class(names: Counts, content: MemoryContent) -> OwnerGuess | None:
    total = sum(count for _, count in names)
    if not names or names[0][1] < _LEAST_NAMED or names[0][1] < _MAIN_SHARE * total:
        return None
    name, count = names[0]
    sure = count >= _CLEAR_SHARE * total and _share_of_bytes(content, name) >= _LEAST_BYTES_SHARE
    return OwnerGuess(name, "High" if sure else "Medium", f"{count} of {total} class names in it are {name}")


def _share_of_bytes(content: MemoryContent, name: str) -> float:
    """Which part of what was read and is not zero the strings that begin with this name in them take."""
    read = sum(region.read_bytes * (1 - min(1.0, region.zero_share)) for region in content.regions if region.strings)
    held = sum(
        string.size_bytes
        for region in content.regions
        for string in region.strings
        if name in string.prefix.replace("/", ".")
    )
    return held / read if read else 0.0


def _package(names: Counts) -> OwnerGuess | None:
    """The deepest package of two words or more that most of the names share."""
    total = sum(count for _, count in names)
    sums: dict[str, tuple[int, int]] = {}
    for name, count in names:
        words = name.split(".")[:-1]
        for depth in range(2, len(words) + 1):
            package = ".".join(words[:depth])
            seen, classes = sums.get(package, (0, 0))
            sums[package] = seen + count, classes + 1
    fit = [
        (package.count("."), seen, package)
        for package, (seen, classes) in sums.items()
        if seen >= max(_LEAST_NAMED, _PACKAGE_SHARE * total) and classes >= _LEAST_CLASSES
    ]
    if not fit:
        return None
    _, seen, package = max(fit)
    return OwnerGuess(f"{package}.*", "Medium", f"{seen} of {total} class names in it are of {package}")


def _jar_reader(content: MemoryContent) -> OwnerGuess | None:
    entries = sum(count for region in content.regions for kind, count in region.kinds if kind == "jar-entry")
    archives = sum(count for kind, count in content.magic if kind in ("jar", "class"))
    if entries + archives < _LEAST_ENTRIES:
        return None
    reader = next(
        (name for region in content.regions for name, _ in region.names if name in _JAR_READERS), _JAR_READERS[0]
    )
    return OwnerGuess(
        reader, "Low", f"it holds {archives} beginnings of jar entries or classes and {entries} of their names"
    )
