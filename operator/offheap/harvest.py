"""What the collectors have said so far, read from their logs piece by piece.

A cache: after a restart the logs are read from their beginning again, for as long as the pod is there.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from offheap.api.v1alpha1 import CollectorStatus, MemoryInvestigation
from offheap.cluster.pods import Pods
from offheap.evidence.stream import Stream, read_stream

Key = tuple[str, str, str]
OVERLAP = timedelta(seconds=5)
MOST_BYTES = 12 << 20
"""Of one collector's lines, which is more than its budget lets it say: what comes beyond is not its own words."""


class Harvest:
    """The lines of every collector that is not forgotten, by investigation."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._lines: dict[Key, dict[str, None]] = {}
        self._read_at: dict[Key, datetime] = {}
        self._bytes: dict[Key, int] = {}

    async def follow(self, inv: MemoryInvestigation, collector: CollectorStatus) -> Stream:
        """What this collector has said until now, without the bulky texts."""
        return read_stream(await self._lines_of(inv, collector), bulk=False)

    def heard(self, inv: MemoryInvestigation, collector: CollectorStatus) -> Stream:
        """What was read of this collector before, where its log cannot be read any more."""
        return read_stream(self.lines(inv, collector), bulk=False)

    def lines(self, inv: MemoryInvestigation, collector: CollectorStatus) -> tuple[str, ...]:
        """Every line that was read of this collector before."""
        return tuple(self._lines.get(_key(inv, collector), {}))

    async def whole(self, inv: MemoryInvestigation, collector: CollectorStatus) -> tuple[str, ...]:
        """Every line of this collector, for reading them elsewhere than on the event loop.

        Its node may be gone by now: then the lines that made us weigh them are what there is.
        """
        try:
            return tuple(await self._lines_of(inv, collector))
        except Exception:
            heard = self.lines(inv, collector)
            if not heard:
                raise
            return heard

    async def _lines_of(self, inv: MemoryInvestigation, collector: CollectorStatus) -> dict[str, None]:
        key = _key(inv, collector)
        known = self._lines.setdefault(key, {})
        since = self._read_at.get(key)
        text = await self._pods.log(inv.namespace, collector.pod, collector.name, since)
        lines = text.split("\n")
        whole = lines[:-1] if not text.endswith("\n") else lines
        for line in whole:
            size_bytes = self._bytes.get(key, 0) + len(line)
            if line and line not in known and size_bytes <= MOST_BYTES:
                known[line] = None
                self._bytes[key] = size_bytes
        last = read_stream(list(known)[-1:], bulk=False)
        if last.evidence:
            # the node's own clock, from its own records: it may differ from ours
            with suppress(ValueError, OverflowError, OSError):  # no time at all: then it is read from where it was
                self._read_at[key] = datetime.fromtimestamp(last.evidence[0].at, UTC) - OVERLAP
        return known

    def forget(self, namespace: str, name: str) -> None:
        """The investigation is over or gone."""
        for key in [k for k in self._lines if k[:2] == (namespace, name)]:
            del self._lines[key]
            self._read_at.pop(key, None)
            self._bytes.pop(key, None)


def _key(inv: MemoryInvestigation, collector: CollectorStatus) -> Key:
    return inv.namespace, inv.name, f"{inv.uid}/{collector.pod_uid}/{collector.name}"
