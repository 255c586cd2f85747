"""The page of the probe matrix, from statuses of investigations."""

from __future__ import annotations

from typing import Any

from tests.matrix.cells import CELLS
from tests.matrix.page import page, run

CELL = CELLS[0]
WORKED = {"name": "smaps", "state": "Done", "targetMemoryPeak": "9Mi", "pause": "0s"}


def status(*probes: dict[str, Any]) -> dict[str, Any]:
    return {"pods": [{"jvm": {"version": "8u452"}}], "probes": list(probes)}


def skipped(message: str) -> dict[str, Any]:
    return {"name": "nmt", "state": "Skipped", "reason": "NmtOff", "message": message}


def test_there_are_forty_cells_with_names_of_their_own() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS) == 40


def test_it_shows_what_works_and_what_it_cost() -> None:
    text = page(
        {CELL: run(status(WORKED)), CELLS[1]: run(status(WORKED | {"targetMemoryPeak": "12Mi", "pause": "2ms"}))}
    )
    assert "Version 8u452." in text
    assert "| `smaps` | Observe | ✓ | ✓ |" in text
    assert "| `smaps` | 9.0 to 12.0 MiB | 0.0 to 2.0 ms |" in text


def test_a_reason_is_said_once_whatever_was_measured() -> None:
    runs = {cell: run(status(skipped(f"process {cell.jdk}00 takes {cell.jdk} MiB"))) for cell in CELLS}
    text = page(runs)
    assert text.count("`NmtOff`") == 1
    assert "–<sup>1</sup>" in text
    assert "–<sup>2</sup>" not in text


def test_what_works_in_part_says_what_is_missing() -> None:
    text = page({CELL: run(status(WORKED | {"reason": "NotReadable", "message": "drop it"}))})
    assert "✓<sup>1</sup>" in text
    assert "1. `NotReadable`: drop it" in text


def test_the_order_in_which_cells_finish_does_not_show() -> None:
    runs = {cell: run(status(WORKED, skipped("off") if cell.jdk < 17 else skipped("not on"))) for cell in CELLS}
    assert page(runs) == page(dict(reversed(runs.items())))
