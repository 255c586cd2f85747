"""What leaves the container: one JSON object a line, at once, numbered without gaps, within a budget of bytes.

The collector dies with its target, so nothing waits in a buffer. The budget keeps the whole stream below the kubelet's
log rotation (10 MiB by default), which would drop the oldest lines.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator

from offheap.collector.outcome import Skip, StreamClosed
from offheap.collector.text import Text, short, unprintable

_KEPT_FOR_THE_END_BYTES = 4096
_KEPT_FOR_SKIPS_BYTES = 16 << 10
_PART_BYTES = 96 << 10


class Stream:
    """Writes records to a file descriptor. Not for two threads."""

    def __init__(self, fd: int, budget_bytes: int) -> None:
        self.sent_bytes = 0
        self._fd = fd
        self._budget_bytes = budget_bytes
        self._started = time.monotonic()
        self._seq = 0
        self._said: set[tuple[str, str]] = set()

    @property
    def left_bytes(self) -> int:
        """What evidence may still use."""
        return self._budget_bytes - self.sent_bytes - _KEPT_FOR_THE_END_BYTES - _KEPT_FOR_SKIPS_BYTES

    def hello(self, version: int, step: str) -> None:
        self._write({"type": "hello", "version": version, "step": step, **_own_ids()})

    def evidence(
        self, probe: str, name: str, data: object, *, sample: int | None, cost: dict[str, float] | None = None
    ) -> None:
        """`data` is a JSON value or a `Text`; `cost` what it cost the target. Raises Skip when the budget cannot carry it."""
        record: dict[str, object] = {"type": "evidence", "probe": probe, "name": name}
        if sample is not None:
            record["sample"] = sample
        record.update(data.fields() if isinstance(data, Text) else {"data": data})
        if cost:
            record["cost"] = cost
        line = self._line(record)
        if len(line) > self.left_bytes:
            raise Skip(
                "BudgetExceeded", f"{name} needs {len(line)} bytes of the stream, {max(0, self.left_bytes)} are left"
            )
        self._send(line)

    def blob(self, probe: str, name: str, kind: str, chunks: Iterator[bytes], sample: int | None) -> None:
        """Bytes as they are, compressed, in parts; the last part tells size and CRC-32 of the whole (a SHA would load
        OpenSSL into the target's pod). Raises Skip when the budget cannot carry it: what has left by then is of no use
        without the end, which is never sent."""
        packer = zlib.compressobj(6)
        crc, size_bytes, part = 0, 0, 0
        packed = bytearray()
        record: dict[str, object] = {"type": "blob", "probe": probe, "name": name, "kind": kind}
        if sample is not None:
            record["sample"] = sample
        for chunk in chunks:
            crc = zlib.crc32(chunk, crc)
            size_bytes += len(chunk)
            packed += packer.compress(chunk)
            if len(packed) >= _PART_BYTES:
                self._part(record | {"part": part}, packed)
                part += 1
                packed.clear()
        packed += packer.flush()
        self._part(record | {"part": part, "size_bytes": size_bytes, "crc32": crc}, packed)

    def _part(self, record: dict[str, object], packed: bytearray) -> None:
        line = self._line(record | {"zdata": unprintable(packed)})
        if len(line) > self.left_bytes:
            left = max(0, self.left_bytes)
            raise Skip("BudgetExceeded", f"{record['name']} does not fit: {left} bytes of the stream are left")
        self._send(line)

    def skipped(self, probe: str, skip: Skip) -> None:
        """Say why something is not there: each reason once a probe, or a long run would say little else."""
        if (probe, skip.reason) in self._said:
            return
        self._said.add((probe, skip.reason))
        self._write({"type": "skipped", "probe": probe, "reason": skip.reason, "message": short(skip.message, 500)})

    def end(self, outcome: str, message: str, cost: dict[str, float]) -> None:
        cost["stream_bytes"] = self.sent_bytes
        self._write({"type": "end", "outcome": outcome, "message": short(message, 1000), "cost": cost})

    def _line(self, record: dict[str, object]) -> bytes:
        stamped = {
            "seq": self._seq,
            "type": record["type"],
            "at": round(time.time(), 3),
            "elapsed": round(time.monotonic() - self._started, 4),
            **record,
        }
        return json.dumps(stamped, separators=(",", ":")).encode() + b"\n"

    def _write(self, record: dict[str, object]) -> None:
        self._send(self._line(record))

    def _send(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise StreamClosed(str(error)) from None
        self._seq += 1
        self.sent_bytes += len(line)


def _own_ids() -> dict[str, object]:
    return {"pid": os.getpid(), "uid": os.geteuid(), "gid": os.getegid()}
