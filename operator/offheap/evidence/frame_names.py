"""What an address of a heap profile's stack is called for people and for other tools.

A name that was resolved in the target, else file and offset, else what kind of memory it is: compiled and interpreted Java lies
in executable memory of no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from offheap.evidence.heap_profile import HeapStack
from offheap.evidence.mapped_libraries import MappedLibraries

JAVA = "[Java code]"
_ALLOCATOR_LIBRARY = re.compile(r"/lib(?:jemalloc|tcmalloc)[^/]*\.so")
_ALLOCATOR_FUNCTION = re.compile(
    r"(?:_?_?(?:libc_|je_|tc_)?(?:malloc|calloc|realloc|reallocarray|memalign|posix_memalign|aligned_alloc|valloc|pvalloc)"
    r"|operator new(?:\[\])?|(?:je_)?prof_\w+)"
)


class FrameNames:
    """Names of return addresses: what counts is the call before each."""

    def __init__(self, symbols: Mapping[int, str], libraries: MappedLibraries | None) -> None:
        self._symbols = symbols
        self._libraries = libraries
        self._names: dict[int, str] = {}

    def of(self, address: int) -> str:
        """Never empty, of one line."""
        name = self._names.get(address)
        if name is None:
            name = self._names[address] = " ".join(self._find(address).split()) or f"0x{address:x}"
        return name

    def callers(self, stack: HeapStack) -> tuple[int, ...]:
        """The stack's addresses without those in the allocator, which is in every stack and tells nothing."""
        return tuple(address for address in stack.addresses if not self._is_allocator(address))

    def _is_allocator(self, address: int) -> bool:
        mapping = self._libraries.mapping_of(address - 1) if self._libraries else None
        return bool(mapping and _ALLOCATOR_LIBRARY.search(mapping.path)) or bool(
            _ALLOCATOR_FUNCTION.fullmatch(self.of(address))
        )

    def path(self, address: int) -> str:
        """The file that the code lies in, "" for none."""
        location = self._libraries.locate(address - 1) if self._libraries else None
        return location.path if location else ""

    def _find(self, address: int) -> str:
        if name := self._symbols.get(address):
            return name
        if self._libraries is None:
            return ""
        if location := self._libraries.locate(address - 1):
            return f"{location.path.rpartition('/')[2]}+0x{location.offset:x}"
        mapping = self._libraries.mapping_of(address - 1)
        return JAVA if mapping and "x" in mapping.permissions and not mapping.path else ""
