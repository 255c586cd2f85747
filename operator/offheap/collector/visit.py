"""One sampling instant, as a probe sees it, and what a probe is.

A probe is one file in `probes/`: it lists its takes, each of which yields evidence or raises Skip. When a take is due,
what it may cost, and what becomes of a failure is decided here and in `sample`, the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from offheap.collector.attach import Attach
from offheap.collector.clock import Clock
from offheap.collector.cost import Meter
from offheap.collector.identity import Jvm
from offheap.collector.plan import Plan
from offheap.collector.procfs import Proc

ALWAYS = "always"
FIRST = "first"
LATER = "later"
LAST = "last"
EDGES = "edges"


class Visit(NamedTuple):
    """`sample` counts from 0, the baseline. `bulk` allows what fills the stream; it is always true at the edges.
    `notes` is what a probe wants to remember from one instant to the next, under its own name."""

    proc: Proc
    plan: Plan
    jvm: Jvm
    attach: Attach
    sample: int
    last: bool
    bulk: bool
    clock: Clock
    meter: Meter
    notes: dict[str, Any]

    def is_due(self, when: str) -> bool:
        first = self.sample == 0
        return {ALWAYS: True, FIRST: first, LATER: not first, LAST: self.last, EDGES: first or self.last}[when]


class Blob(NamedTuple):
    """Bytes that leave as they are: a profile in its tool's own format. Read piece by piece while it is sent."""

    name: str
    kind: str
    chunks: Iterator[bytes]


class Taken(NamedTuple):
    """What a take brought: a JSON value or a Text (None: nothing to tell), for how long the target may have stood still for
    it, and what leaves besides as it is."""

    data: object
    pause_seconds: float = 0.0
    blobs: tuple[Blob, ...] = ()


class Take(NamedTuple):
    """One evidence a probe can take.

    `costly`: not without head room (it makes the JVM or us allocate). `memory_bytes` and `pause_seconds`: what it is known to
    cost at most beyond that; it is refused where budget or room do not allow it. `bulk`: large in the stream, so dropped
    first. `blobs`: it sends bytes as they are, for which half of the stream is kept. `wanted`: whether the plan asks for it
    at all, besides naming its probe. `undo`: puts the target back when the collector ends, however it ends, once `run` was
    tried; it must not raise and must be quick.
    """

    probe: str
    name: str
    when: str
    run: Callable[[Visit], Taken]
    costly: bool = False
    bulk: bool = False
    wanted: Callable[[Plan], bool] = bool
    memory_bytes: int = 0
    pause_seconds: float = 0.0
    undo: Callable[[Visit], None] | None = None
    blobs: bool = False
