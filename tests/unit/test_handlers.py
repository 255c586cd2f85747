"""How kopf finds the apiserver from inside a cluster, what is served beside it, and when the liveness probe fails."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import kopf
import prometheus_client
import pytest
from kopf._core.engines.activities import ActivityError, run_activity
from kopf._core.intents.causes import Activity
from prometheus_client.metrics import MetricWrapperBase

from offheap import handlers, metrics
from offheap.handlers import STUCK_AFTER_SECONDS, by_address, registry
from offheap.settings import Settings

BY_NAME = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t", default_namespace="offheap-system")


@pytest.mark.parametrize(
    ("environ", "server"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, "https://10.96.0.1:6443"),
        ({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, "https://[fd00::1]:443"),
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, "https://10.96.0.1:443"),
        ({}, "https://kubernetes.default.svc"),
    ],
)
def test_the_apiserver_is_found_without_dns(environ: dict[str, str], server: str) -> None:
    found = by_address(BY_NAME, environ)
    assert found.server == server
    assert (found.token, found.default_namespace) == ("t", "offheap-system")


class Room:
    """A client that only ends."""

    closed = False

    async def close(self) -> None:
        self.closed = True


async def activity(which: Activity, handlers: kopf.OperatorRegistry, memo: kopf.Memo) -> Any:
    return await run_activity(
        lifecycle=kopf.lifecycles.all_at_once,
        registry=handlers,
        settings=kopf.OperatorSettings(),
        activity=which,
        indices={},
        memo=memo,
    )


@asynccontextmanager
async def operator(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> AsyncIterator[tuple[Any, kopf.Memo]]:
    """The registry between its start and its end, without a cluster."""
    room = Room()

    async def connect() -> Room:
        return room

    monkeypatch.setattr(handlers.Client, "connect", connect)
    found, memo = registry(settings), kopf.Memo()
    await activity(Activity.STARTUP, found, memo)
    yield found, memo
    await activity(Activity.CLEANUP, found, memo)
    assert room.closed


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


async def test_every_metric_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    servers: list[Any] = []

    def serve(port: int) -> None:
        asked.append(port)
        servers.append(prometheus_client.start_http_server(0, addr="127.0.0.1"))

    monkeypatch.setattr(handlers, "start_http_server", serve)
    async with operator(monkeypatch, Settings()):
        server, thread = servers[0]
        text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{server.server_port}/metrics")
        server.shutdown()
        server.server_close()
        thread.join()
    names = [one._name for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    assert asked == [8080]
    assert names
    assert [name for name in names if f"# HELP {name}" not in text] == []


@pytest.mark.parametrize(("age", "lives"), [(0.0, True), (STUCK_AFTER_SECONDS, True), (STUCK_AFTER_SECONDS + 1, False)])
async def test_the_liveness_probe_fails_when_a_step_is_stuck(
    monkeypatch: pytest.MonkeyPatch, age: float, lives: bool
) -> None:
    async with operator(monkeypatch, Settings(metrics_port=0)) as (found, memo):
        stuck = SimpleNamespace(oldest_step_seconds=lambda: age)
        if lives:
            assert await activity(Activity.PROBE, found, kopf.Memo(loop=stuck)) == {"steps": age}
        else:
            with pytest.raises(ActivityError):
                await activity(Activity.PROBE, found, kopf.Memo(loop=stuck))
        assert await activity(Activity.PROBE, found, memo) == {"steps": 0.0}
