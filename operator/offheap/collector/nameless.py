"""Takes the threads' names out of a recording of async-profiler before it leaves: they carry user data now and then.

They lie in one constant pool of each chunk, near the beginning of the pools, and are overwritten with `#` of the same length,
so that nothing else of the file changes. The layout is that of the library in the image (flightRecorder.cpp, writeCpool); one
that is not recognised is not sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_HEADER_BYTES = 68
_MOST_BYTES = 4 << 20
_CHUNK_BYTES = 64 << 10
_BEFORE_THREADS = frozenset((24, 25, 32))
"""jdk.types.FrameType, ThreadState, GCWhen: pools of a number and a text."""
_THREADS = 22
_STACKS = 26

Span = tuple[int, int]
"""From, to: bytes of the file."""


def without_names(fd: int) -> Iterator[bytes]:
    """The recording piece by piece. Raises ValueError at once when it is not laid out as expected or not finished."""
    return _masked(fd, list(_thread_names(fd)))


def _masked(fd: int, names: list[Span]) -> Iterator[bytes]:
    offset = 0
    while chunk := os.pread(fd, _CHUNK_BYTES, offset):
        piece = bytearray(chunk)
        end = offset + len(piece)
        while names and names[0][0] < end:
            first, last = names[0]
            for at in range(max(first, offset), min(last, end)):
                piece[at - offset] = 0x23
            if last > end:
                break
            names.pop(0)
        offset = end
        yield bytes(piece)


def _thread_names(fd: int) -> Iterator[Span]:
    size_bytes = os.fstat(fd).st_size
    start = 0
    while start < size_bytes:
        header = os.pread(fd, _HEADER_BYTES, start)
        chunk_bytes, pools_at = (int.from_bytes(header[at : at + 8], "big") for at in (8, 16))
        if header[:4] != b"FLR\0" or not _HEADER_BYTES < pools_at < chunk_bytes <= size_bytes - start:
            raise ValueError("the recording is not finished, or none")
        pools = os.pread(fd, min(_MOST_BYTES, chunk_bytes - pools_at), start + pools_at)
        for first, last in _in_pools(_Numbers(pools)):
            yield start + pools_at + first, start + pools_at + last
        start += chunk_bytes


class _Numbers:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self) -> int:
        """LEB128; of nine bytes the last has eight bits."""
        result = 0
        for shift in range(0, 63, 7):
            if self.at >= len(self.data):
                raise ValueError("the recording's names are cut short")
            byte = self.data[self.at]
            self.at += 1
            if shift == 56:
                return result | byte << 56
            result |= (byte & 127) << shift
            if byte < 128:
                return result
        return result

    def text(self) -> Span:
        """Where it lies; of no length when there is none."""
        encoding = self.number()
        size = self.number() if encoding in (3, 5) else 0
        if encoding not in (0, 1, 3, 5) or size > len(self.data) - self.at:
            raise ValueError("the recording's names are of another kind than expected")
        self.at += size
        return self.at - size, self.at


def _in_pools(reader: _Numbers) -> Iterator[Span]:
    for _ in range(6):
        # Size, type, start, duration, distance to other pools, whether it is a flush.
        reader.number()
    for _ in range(reader.number()):
        kind = reader.number()
        if kind == _STACKS:
            # The threads' pool is left out where there are none.
            return
        if kind != _THREADS and kind not in _BEFORE_THREADS:
            raise ValueError("the recording's names are in another order than expected")
        for _ in range(reader.number()):
            reader.number()
            if kind == _THREADS:
                yield reader.text()
                reader.number()
                yield reader.text()
                reader.number()
            else:
                reader.text()
        if kind == _THREADS:
            return
