"""Removes what has expired, again and again, beside the loop. Whatever happens to the store, the operator goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from offheap.artifacts.store import Store, Swept

log = logging.getLogger("offheap.artifacts")

EVERY_SECONDS = 3600.0


async def sweep_forever(
    store: Store, every_seconds: float = EVERY_SECONDS, told: Callable[[Swept], None] | None = None
) -> None:
    """Sweeps now and then every so often, until it is cancelled. ``told`` hears of each sweep, for metrics."""
    while True:
        swept = await store.sweep(datetime.now(UTC))
        if swept.removed:
            log.info("removed the artifacts of %d investigations; %d are kept", swept.removed, swept.kept)
        if told is not None:
            told(swept)
        await asyncio.sleep(every_seconds)
