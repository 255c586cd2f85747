"""Text that the target wrote is hostile: made harmless line by line, compressed while it comes, bounded in size.

A control sequence in a thread's or a file's name would otherwise act on the terminal of whoever reads the log, and an
answer of some megabytes held as one string would cost the target's pod more than the collector itself.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Callable

_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b.?|\x9b[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN_BYTES = 2048
"""Up to here a text is sent as it is: compression would save little, and people read the log too."""
_LONGEST_LINE_BYTES = 64 << 10


def clean(raw: bytes | str) -> str:
    """The text without terminal sequences, control and direction-changing characters; newline and tab stay."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    if text.isprintable():
        return text
    return _CONTROL.sub("", _SEQUENCES.sub("", text))


def short(raw: bytes | str, limit: int = 300) -> str:
    """One line for a message: cleaned, white space folded, cut at `limit` characters."""
    text = " ".join(clean(raw).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Text:
    """A text that grows by lines and is compressed at once. `head` keeps the first `head_bytes` of it readable. `rewrite`
    says what of whole lines may be kept."""

    def __init__(self, head_bytes: int = 64 << 10, rewrite: Callable[[str], str] | None = None) -> None:
        self.size_bytes = 0
        self._rewrite = rewrite
        self._head: list[str] = []
        self._head_left = head_bytes
        self._tail = b""
        self._packer = zlib.compressobj(6)
        self._packed = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take raw bytes in pieces of any size. Only whole lines are cleaned, for a sequence may span two pieces."""
        lines, newline, self._tail = (self._tail + chunk).rpartition(b"\n")
        if newline:
            self.add(clean(lines) + "\n")
        if len(self._tail) > _LONGEST_LINE_BYTES:
            self.add(clean(self._tail))
            self._tail = b""

    def add(self, text: str) -> None:
        """Take whole lines that are clean already."""
        if self._rewrite is not None:
            text = self._rewrite(text)
        data = text.encode()
        self.size_bytes += len(data)
        self._packed += self._packer.compress(data)
        if self._head_left > 0:
            self._head.append(text[: self._head_left])
            self._head_left -= len(data)

    @property
    def head(self) -> str:
        return "".join(self._head)

    def fields(self) -> dict[str, str]:
        """`data` with a short text, `zdata` (base64 of zlib) with a long one. To be called once, at the end."""
        if self._tail:
            self.add(clean(self._tail))
            self._tail = b""
        if self.size_bytes <= _PLAIN_BYTES:
            return {"data": self.head}
        self._packed += self._packer.flush()
        return {"zdata": unprintable(self._packed)}


def unprintable(data: bytes | bytearray) -> str:
    """Any bytes as text (base64)."""
    return binascii.b2a_base64(data, newline=False).decode()
