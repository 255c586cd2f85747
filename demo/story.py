"""What the finished resource says, for a person: the verdict, the balance sheet, and whether all is as it was."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from offheap.api.quantity import format_bytes, parse_quantity
from offheap.api.v1alpha1 import Balance, MemoryInvestigation


def story(mi: MemoryInvestigation) -> Iterator[RenderableType]:
    """The verdict and the balance sheet, or why there is none."""
    status = mi.status
    if status.verdict is None:
        outcome = status.outcome
        text = "no reason given" if outcome is None else f"{outcome.reason}: {outcome.message}"
        yield Panel(Text(text), title="No verdict", border_style="red")
    else:
        verdict = status.verdict
        rows = (
            ("verdict", verdict.kind),
            ("confidence", verdict.confidence),
            ("growth", verdict.growth_per_hour and f"{verdict.growth_per_hour} an hour"),
            ("time to limit", verdict.time_to_limit),
            ("owner", verdict.owner),
            ("summary", verdict.summary),
            ("recommendation", verdict.recommendation),
            ("missing", verdict.missing),
        )
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, value in rows:
            if value is not None:
                table.add_row(Text(name, "dim"), Text(value))
        yield Panel(table, title="What leaks", border_style="green")
    if status.balance is not None:
        yield balance_sheet(status.balance)


def balance_sheet(balance: Balance) -> Table:
    """Every byte that the kernel charged to the container, with its share of the whole; empty rows are left out."""
    usage = parse_quantity(balance.usage) if balance.usage is not None else sum(r.bytes for r in balance.rows)
    table = Table(title="The balance sheet of the last sample", title_justify="left")
    table.add_column("booked to")
    for heading in ("bytes", "share", "growth an hour"):
        table.add_column(heading, justify="right")
    for row in (r for r in balance.rows if r.bytes or r.name == "unexplained"):
        table.add_row(Text(row.name), format_bytes(row.bytes), _share(row.bytes, usage), row.growth_per_hour or "")
    table.add_section()
    table.add_row("charged by the kernel", format_bytes(usage), _share(usage, usage), "")
    if balance.limit is not None:
        table.add_row("limit", balance.limit, f"{_share(usage, parse_quantity(balance.limit))} used", "")
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""
