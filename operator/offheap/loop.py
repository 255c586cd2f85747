"""One level-triggered task an object: it runs a step after every wake-up and after the delay that the step asked for.

Two steps of one object never overlap, deletion included, and nothing is written to the cluster by waiting. kopf's timers and
daemons do neither (docs/decisions).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

from offheap.metrics import STEP_FAILURES

log = logging.getLogger("offheap.loop")

Key = tuple[str, str]
Step = Callable[[str, str], Awaitable[float | None]]


class Loop:
    """Calls ``step(*key)``; its answer is the seconds until the next call, or None when only a wake-up matters."""

    def __init__(
        self,
        step: Step,
        *,
        width: int = 8,
        limit: float = 60.0,
        retryable: tuple[type[Exception], ...] = (),
        most_delay: float = 300.0,
    ) -> None:
        self._step = step
        self._slots = asyncio.Semaphore(width)
        self._limit = limit
        self._retryable = retryable
        self._most_delay = most_delay
        self._tasks: dict[Key, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._since: dict[Key, float] = {}

    def wake(self, namespace: str, name: str) -> None:
        """Something changed: run a step soon."""
        key = (namespace, name)
        if key not in self._tasks:
            event = asyncio.Event()
            self._tasks[key] = event, asyncio.create_task(self._run(key, event), name=f"{namespace}/{name}")
        self._tasks[key][0].set()

    def oldest_step_seconds(self) -> float:
        """Age of the longest running step, for the liveness probe."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._since.values()), default=0.0)

    async def stop(self) -> None:
        """Ends every task; what they were about is on record in the cluster."""
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Key, woken: asyncio.Event) -> None:
        delay: float | None = None
        failures = 0
        while delay is not None or woken.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await woken.wait()
            woken.clear()
            try:
                async with self._slots, asyncio.timeout(self._limit):
                    self._since[key] = asyncio.get_running_loop().time()
                    delay, failures = await self._step(*key), 0
            except self._retryable:  # somebody wrote first: read again
                delay = random.uniform(0.1, 1.0)  # noqa: S311
            except Exception as error:
                failures += 1
                # the exponent is held too: 2.0**1024 is an OverflowError, which would end the task for good
                delay = min(self._most_delay, 2.0 ** min(failures, 32)) * random.uniform(0.8, 1.2)  # noqa: S311
                STEP_FAILURES.labels(error=type(error).__name__).inc()
                log.warning("%s/%s: %s: %s; next attempt in %.0f s", *key, type(error).__name__, error, delay)
                log.debug("%s/%s", *key, exc_info=True)
            finally:
                self._since.pop(key, None)
        del self._tasks[key]
