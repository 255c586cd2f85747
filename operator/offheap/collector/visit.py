"""One sampling instant, as a probe sees it, and what a probe is.

A probe is one file in `probes/`: it lists its takes, each of which yields evidence or raises Skip. When a take is due,
what it may cost, and what becomes of a failure is decided here and in `sample`, the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from offheap.collector.attach import Attach
from offheap.collector.identity import Jvm
from offheap.collector.plan import Plan
from offheap.collector.procfs import Proc

ALWAYS = "always"
FIRST = "first"
LATER = "later"
EDGES = "edges"


class Visit(NamedTuple):
    """`sample` counts from 0, the baseline. `bulk` allows what fills the stream; it is always true at the edges."""

    proc: Proc
    plan: Plan
    jvm: Jvm
    attach: Attach
    sample: int
    last: bool
    bulk: bool

    def is_due(self, when: str) -> bool:
        first = self.sample == 0
        return {ALWAYS: True, FIRST: first, LATER: not first, EDGES: first or self.last}[when]


class Taken(NamedTuple):
    """What a take brought: a JSON value or a Text, and for how long the target may have stood still for it."""

    data: object
    pause_seconds: float = 0.0


def _by_every_plan(plan: Plan) -> bool:
    return bool(plan)


class Take(NamedTuple):
    """One evidence a probe can take. `costly`: not without head room (it makes the JVM or us allocate).
    `bulk`: large in the stream, so dropped first. `wanted`: whether the plan asks for it at all."""

    probe: str
    name: str
    when: str
    run: Callable[[Visit], Taken]
    costly: bool = False
    bulk: bool = False
    wanted: Callable[[Plan], bool] = _by_every_plan
