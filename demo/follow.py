"""Follows an investigation: a live view on a terminal, a line at every change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from offheap.api.v1alpha1 import Condition, MemoryInvestigation

HEARTBEAT_SECONDS = 15.0
COLOURS = {"True": "green", "False": "yellow", "Unknown": "dim"}
SHOWN = ("TargetResolved", "Instrumented", "EvidenceCollected", "Restored", "Succeeded")
"""The conditions that tell the story; Ready, Reconciling and Stalled say the same for machines."""


def follow(look: Callable[[], MemoryInvestigation], console: Console, timeout_seconds: float) -> MemoryInvestigation:
    """Looks every second until the investigation is finished; TimeoutError when it takes longer than that."""
    if console.is_terminal:
        return _live(look, console, timeout_seconds)
    return _lines(look, console, timeout_seconds)


def _states(
    look: Callable[[], MemoryInvestigation], timeout_seconds: float
) -> Iterator[tuple[float, MemoryInvestigation]]:
    start = time.monotonic()
    while True:
        mi = look()
        elapsed = time.monotonic() - start
        yield elapsed, mi
        if mi.is_finished:
            return
        if elapsed > timeout_seconds:
            raise TimeoutError(f"not finished after {elapsed:.0f} s, phase {mi.status.phase}")
        time.sleep(1)


def _live(look: Callable[[], MemoryInvestigation], console: Console, timeout_seconds: float) -> MemoryInvestigation:
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        for elapsed, mi in _states(look, timeout_seconds):
            live.update(_view(mi, elapsed))
    return mi


def _view(mi: MemoryInvestigation, elapsed: float) -> RenderableType:
    head = Text.assemble(
        (f"{mi.status.phase or 'Pending'}", "bold cyan"), f"  {elapsed:.0f} s  ", (_message(mi, "Ready"), "dim")
    )
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for shown in _shown(mi):
        colour = COLOURS[shown.status]
        table.add_row(shown.type, Text(shown.status, colour), Text(shown.reason, colour), Text(shown.message))
    share = _sampled_share(mi)
    if share is None:
        return Group(head, table)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=1.0, completed=share, width=60), f"{share:.0%}")
    return Group(head, bar, table)


def _lines(look: Callable[[], MemoryInvestigation], console: Console, timeout_seconds: float) -> MemoryInvestigation:
    said: dict[str, str] = {}
    spoke = 0.0
    for elapsed, mi in _states(look, timeout_seconds):
        news = [line for key, line in _story(mi).items() if said.get(key) != line]
        said |= _story(mi)
        share = _sampled_share(mi)
        if not news and elapsed - spoke >= HEARTBEAT_SECONDS:
            news = [f"{mi.status.phase} …" if share is None else f"sampling, {share:.0%} done"]
        for line in news:
            spoke = elapsed
            console.print(f"[{elapsed:4.0f} s] {line}", markup=False, highlight=False, soft_wrap=True)
    return mi


def _story(mi: MemoryInvestigation) -> dict[str, str]:
    """One line for the phase and one for each condition that is known, by name."""
    phase = {"phase": f"phase {mi.status.phase}: {_message(mi, 'Ready')}"} if mi.status.phase else {}
    return phase | {c.type: f"  {c.type}={c.status} {c.reason}: {c.message}" for c in _shown(mi)}


def _shown(mi: MemoryInvestigation) -> list[Condition]:
    return [c for c in mi.status.conditions if c.type in SHOWN and c.status != "Unknown"]


def _message(mi: MemoryInvestigation, kind: str) -> str:
    return next((c.message for c in mi.status.conditions if c.type == kind), "")


def _sampled_share(mi: MemoryInvestigation) -> float | None:
    """How much of the sampling time is over, 0 to 1; None while it is not sampled."""
    started = mi.status.sampling_started_at
    if mi.status.phase != "Sampling" or started is None:
        return None
    passed = (datetime.now(UTC) - started).total_seconds()
    return min(1.0, max(0.0, passed / mi.spec.sampling.duration_seconds))
