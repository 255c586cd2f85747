"""Heap stacks as a gzipped profile.proto, which `go tool pprof` and what speaks its format read.

Written by hand: the message has nine fields that matter, and a protobuf runtime for them would be a dependency of the core.
Source: google/pprof, proto/profile.proto.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping

from offheap.evidence.frame_names import FrameNames
from offheap.evidence.heap_profile import HeapStack
from offheap.evidence.mapped_libraries import MappedLibraries

_VARINT, _BYTES = 0, 2
_64_BITS = (1 << 64) - 1


def pprof(
    stacks: Iterable[HeapStack],
    names: FrameNames,
    libraries: MappedLibraries | None = None,
    build_ids: Mapping[str, str | None] | None = None,
    *,
    at_seconds: float = 0.0,
    sample_bytes: int = 1,
) -> bytes:
    """The whole file. Values are objects and bytes that live (`inuse_*`), as estimated; in a difference some are negative.
    The allocator's own frames are left out.

    `at_seconds` is unix time. The same input gives the same bytes.
    """
    return gzip.compress(_Profile(names, libraries, build_ids or {}).message(stacks, at_seconds, sample_bytes), mtime=0)


class _Profile:
    """Gathers the tables that samples point into."""

    def __init__(
        self, names: FrameNames, libraries: MappedLibraries | None, build_ids: Mapping[str, str | None]
    ) -> None:
        self._names = names
        self._libraries = libraries
        self._build_ids = build_ids
        self._strings: dict[str, int] = {"": 0}
        self._functions: dict[str, int] = {}
        self._locations: dict[int, int] = {}
        self._mappings: dict[int, int] = {}
        self._tables = bytearray()

    def message(self, stacks: Iterable[HeapStack], at_seconds: float, sample_bytes: int) -> bytes:
        out = bytearray()
        # The first mapping is taken for the program itself.
        self._mapping(
            next((mapping.start for mapping in self._libraries.mappings if mapping.path), 0) + 1
            if self._libraries
            else 0
        )
        for kind, unit in (("inuse_objects", "count"), ("inuse_space", "bytes")):
            out += _field(1, _number(1, self._string(kind)) + _number(2, self._string(unit)))
        for stack in stacks:
            locations = b"".join(_varint(self._location(address)) for address in self._names.callers(stack))
            out += _field(2, _field(1, locations) + _field(2, _varint(stack.objects) + _varint(stack.bytes)))
        period = _number(1, self._string("space")) + _number(2, self._string("bytes"))
        default = self._string("inuse_space")
        out += self._tables
        out += b"".join(_field(6, text.encode("utf-8", "replace")) for text in self._strings)
        out += _number(9, int(at_seconds * 1e9)) + _field(11, period) + _number(12, sample_bytes) + _number(14, default)
        return bytes(out)

    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def _location(self, address: int) -> int:
        known = self._locations.get(address)
        if known is None:
            known = self._locations[address] = len(self._locations) + 1
            line = _number(1, self._function(self._names.of(address), self._names.path(address)))
            mapping = _number(2, self._mapping(address))
            self._tables += _field(4, _number(1, known) + mapping + _number(3, address - 1) + _field(4, line))
        return known

    def _function(self, name: str, path: str) -> int:
        known = self._functions.get(name)
        if known is None:
            known = self._functions[name] = len(self._functions) + 1
            texts = _number(2, self._string(name)) + _number(3, self._string(name)) + _number(4, self._string(path))
            self._tables += _field(5, _number(1, known) + texts)
        return known

    def _mapping(self, address: int) -> int:
        """0: no mapping of a file."""
        found = self._libraries.mapping_of(address - 1) if self._libraries else None
        if found is None or not found.path.startswith("/"):
            return 0
        known = self._mappings.get(found.start)
        if known is None:
            known = self._mappings[found.start] = len(self._mappings) + 1
            place = _number(1, known) + _number(2, found.start) + _number(3, found.end) + _number(4, found.offset)
            build_id = self._string(self._build_ids.get(found.path) or "")
            self._tables += _field(
                3, place + _number(5, self._string(found.path)) + _number(6, build_id) + _number(7, 1)
            )
        return known


def _varint(value: int) -> bytes:
    value &= _64_BITS
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data
