"""What a stretch of memory holds, summed up where it is read: kinds of strings, repeated beginnings, magic numbers, entropy.

The bytes themselves never leave. A beginning leaves only as `secrecy` lets it, and only when it was seen several times: what
leaks repeats itself, a person's data mostly does not. Tables are bounded, so it needs the same memory for any content.
"""

from __future__ import annotations

import math
import re
import zlib

from offheap.collector.secrecy import KEPT_CHARACTERS, MARKER_BEFORE, NEAR_CHARACTERS, class_names, kept, prefix

LEAST_RUN_BYTES = 12
LEAST_COUNT = 8
"""A beginning that was seen less often stays here."""
MOST_STRINGS = 20

_RUN = re.compile(rb"[\x20-\x7e\t]{12,}")
_WIDE_RUN = re.compile(rb"(?:[\x20-\x7e]\x00){12,}")
_KINDS_OF_BYTES = bytes(1 if 32 <= byte < 127 or byte == 9 else 0 if byte == 0 else 2 for byte in range(256))
_SOME_RUN, _SOME_WIDE_RUN = b"\1" * LEAST_RUN_BYTES, b"\1\0" * LEAST_RUN_BYTES
_DIGITS_OUT = bytes(35 if 48 <= byte <= 57 else byte for byte in range(256))
_KEY_BYTES = 64
_BEFORE_BYTES = 48
_CHECKED_EACH = 64
_MOST_KEYS = 4096
_MOST_PREFIXES = 1024
_MOST_NAMES = 1024
_HISTOGRAM_STRIDE = 32
_MOST_INFLATED = 64

MAGIC = {
    "jar": b"PK\x03\x04",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "gif": b"GIF89a",
    "gzip": b"\x1f\x8b\x08",
    "elf": b"\x7fELF\x02\x01\x01",
    "pdf": b"%PDF-",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
    "snappy": b"\xff\x06\x00\x00sNaPpY",
    "sqlite": b"SQLite format 3\x00",
    "rocksdb-sst": b"\xf7\xcf\xf4\x85\xb7\x41\xe2\x88",
    "leveldb-sst": b"\x57\xfb\x80\x8b\x24\x75\x47\xdb",
    "parquet": b"PAR1",
    "lucene": b"\x3f\xd7\x6c\x17",
    "java-serialized": b"\xac\xed\x00\x05",
}
_CLASS_FILE = re.compile(rb"\xca\xfe\xba\xbe\x00[\x00-\x03]\x00[\x2d-\x50]")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")

_CLASSES = (
    ("xml", re.compile(r"^\s*<[?!/A-Za-z]")),
    ("json", re.compile(r"^\s*[{\[]\s*[\"{\[]|^\s*\"[\w.-]{1,40}\"\s*:")),
    (
        "sql",
        re.compile(
            r"^\s*(?:select\s|insert into\s|update\s+\S+\s+set\s|delete from\s|create (?:table|index)\s)", re.IGNORECASE
        ),
    ),
    ("http", re.compile(r"^(?:HTTP/\d|(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) \S|[A-Z][a-z]+(?:-[A-Z][a-z]+)+: )")),
    ("log-line", re.compile(r"\b(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b|^#-#-#[ T]#")),
    ("stack-trace", re.compile(r"^\s*at [\w.$<>/]+\(|\w(?:Exception|Error): ")),
    ("jar-entry", re.compile(r"^(?:META-INF/|BOOT-INF/|WEB-INF/)|^[\w/$-]+\.class\b")),
    ("url", re.compile(r"\b[a-z][a-z+.:-]{1,20}://")),
    ("path", re.compile(r"(?:^|[\s=:])/[\w.-]+/[\w.-]|\.(?:jar|so|xml|properties|yaml)\b")),
)


class _Key:
    """All strings that begin alike, digits aside."""

    __slots__ = ("checked", "kind", "names", "prefix")

    def __init__(self, kind: str, prefix: str, names: list[str]) -> None:
        self.kind = kind
        self.prefix = prefix
        self.names = names
        self.checked = 0


class Content:
    """Sums up the pieces of one region."""

    def __init__(self) -> None:
        self.read_bytes = 0
        self._zero_bytes = 0
        self._histogram = [0] * 256
        self._magic: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._keys: dict[bytes, _Key] = {}
        self._prefixes: dict[str, list[int]] = {}
        self._names: dict[str, int] = {}
        self._never: set[str] = set()

    def feed(self, data: bytes) -> None:
        """Take one piece, of any content; pieces of some 100 KiB are best. Strings do not go on from piece to piece."""
        if not data:
            return
        self.read_bytes += len(data)
        zeros = data.count(0)
        self._zero_bytes += zeros
        few = data[::_HISTOGRAM_STRIDE]
        for byte in range(256):
            self._histogram[byte] += few.count(byte)
        if zeros == len(data):
            return
        self._count_magic(data)
        kinds = data.translate(_KINDS_OF_BYTES)
        if _SOME_RUN in kinds:
            for run in _RUN.finditer(data):
                self._string(data, run.start(), run.end(), 1)
        if _SOME_WIDE_RUN in kinds:
            for run in _WIDE_RUN.finditer(data):
                self._string(data, run.start(), run.end(), 2)

    def result(self) -> dict[str, object]:
        """JSON values: counts by class, magic number and beginning; entropy in bits a byte."""
        strings = sorted(self._leaving(), key=lambda item: (-item[1][1], item[0]))[:MOST_STRINGS]
        names = sorted(
            ((name, count) for name, count in self._names.items() if count >= LEAST_COUNT),
            key=lambda item: (-item[1], item[0]),
        )[:MOST_STRINGS]
        return {
            "read_bytes": self.read_bytes,
            "entropy": round(_entropy(self._histogram), 2),
            "zero_share": round(self._zero_bytes / max(1, self.read_bytes), 4),
            "magic": dict(sorted(self._magic.items())),
            "classes": dict(sorted(self._kinds.items())),
            "strings": [{"prefix": text, "count": count, "size_bytes": size} for text, (count, size) in strings],
            "names": dict(names),
        }

    def _leaving(self) -> list[tuple[str, list[int]]]:
        return [
            (text, sums)
            for text, sums in self._prefixes.items()
            if sums[0] >= LEAST_COUNT and text and text not in self._never
        ]

    def _string(self, data: bytes, start: int, end: int, width: int) -> None:
        """Count one run. `width`: bytes a character."""
        at_edge = start == 0 or end == len(data)
        key_text = data[start : min(end, start + _KEY_BYTES * width)].translate(_DIGITS_OUT)
        key = self._keys.get(key_text)
        if key is None:
            key = self._new_key(data, start, end, width)
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            self._keys[key_text] = key
        self._kinds[key.kind] = self._kinds.get(key.kind, 0) + 1
        if not key.prefix or at_edge:
            # A run at an edge may be the middle of a string, whose beginning would have said that it is secret.
            return
        if key.checked < _CHECKED_EACH:
            key.checked += 1
            if MARKER_BEFORE.search(_narrow(data[max(0, start - _BEFORE_BYTES * width) : start], width)):
                if len(self._never) < _MOST_KEYS:
                    self._never.add(key.prefix)
                key.prefix = ""
                return
        sums = self._prefixes.get(key.prefix)
        if sums is None:
            _make_room(self._prefixes, _MOST_PREFIXES)
            sums = self._prefixes[key.prefix] = [0, 0]
        sums[0] += 1
        sums[1] += end - start
        for name in key.names:
            if name not in self._names and len(self._names) >= _MOST_NAMES:
                self._names = {name: count for name, count in self._names.items() if count >= LEAST_COUNT}
            if name in self._names or len(self._names) < _MOST_NAMES:
                self._names[name] = self._names.get(name, 0) + 1

    def _new_key(self, data: bytes, start: int, end: int, width: int) -> _Key:
        head = data[start : min(end, start + (KEPT_CHARACTERS + NEAR_CHARACTERS) * width)]
        text = _narrow(head, width).decode("ascii", "replace")
        safe = kept(text)
        if not safe:
            return _Key("withheld", "", [])
        names = class_names(safe)
        kind = next(
            (kind for kind, pattern in _CLASSES if pattern.search(safe)), "java-class-name" if names else "text"
        )
        beginning = prefix(safe)
        return _Key(kind, "" if beginning in self._never else beginning, names)

    def _count_magic(self, data: bytes) -> None:
        for kind, signature in MAGIC.items():
            if count := data.count(signature):
                self._magic[kind] = self._magic.get(kind, 0) + count
        if count := sum(1 for _ in _CLASS_FILE.finditer(data)):
            self._magic["class"] = self._magic.get("class", 0) + count
        if count := _zlib_streams(data):
            self._magic["zlib"] = self._magic.get("zlib", 0) + count


def _zlib_streams(data: bytes) -> int:
    """How many of the first 64 places that look like the head of a zlib stream are one: two bytes alone prove nothing."""
    count = 0
    for tries, found in enumerate(_ZLIB.finditer(data)):
        if tries >= _MOST_INFLATED:
            break
        try:
            unpacked = zlib.decompressobj().decompress(data[found.start() : found.start() + 256], 64)
        except zlib.error:
            continue
        count += len(unpacked) >= LEAST_RUN_BYTES
    return count


def _narrow(data: bytes, width: int) -> bytes:
    return data if width == 1 else data.replace(b"\0", b"")


def _entropy(histogram: list[int]) -> float:
    total = sum(histogram)
    return -sum(count / total * math.log2(count / total) for count in histogram if count)


def _make_room(prefixes: dict[str, list[int]], most: int) -> None:
    """Drop the rarer half when the table is full: what leaks comes again and is counted anew at worst."""
    if len(prefixes) < most:
        return
    for text in sorted(prefixes, key=lambda text: prefixes[text][0])[: most // 2]:
        del prefixes[text]
