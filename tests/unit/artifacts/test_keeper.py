"""The keeper sweeps at once and then at its interval, whatever the store does."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from offheap.artifacts.keeper import sweep_forever
from offheap.artifacts.store import Swept, open_store


@pytest.mark.parametrize("where", ["artifacts", "file/below"])
async def test_it_goes_on_with_a_store_that_works_and_one_that_does_not(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    store = open_store(f"file://{tmp_path}/{where}", ttl=timedelta(days=1))
    heard: list[Swept] = []
    enough = asyncio.Event()

    def told(swept: Swept) -> None:
        heard.append(swept)
        if len(heard) == 3:
            enough.set()

    task = asyncio.create_task(sweep_forever(store, 0.001, told))
    await asyncio.wait_for(enough.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all((swept.problem is not None) == (where != "artifacts") for swept in heard)
