"""Every kopf decorator of the operator, and nothing else. kopf watches; it writes nothing to the cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import kopf
from prometheus_client import start_http_server

from offheap.api.v1alpha1 import GROUP, PLURAL, VERSION
from offheap.artifacts.keeper import sweep_forever
from offheap.artifacts.store import open_store
from offheap.cluster import retryable
from offheap.cluster.client import Client
from offheap.cluster.events import Events
from offheap.cluster.investigations import Investigations
from offheap.cluster.pods import Pods
from offheap.cluster.workloads import Workloads
from offheap.loop import Loop
from offheap.reconcile import PASS_SECONDS, Reconciler
from offheap.settings import Settings

STUCK_AFTER_SECONDS = 300.0


def by_address(connection: kopf.ConnectionInfo, environ: Mapping[str, str]) -> kopf.ConnectionInfo:
    """The connection by the address that the kubelet gives every pod, so that the cluster's DNS may be absent or down."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return connection
    return replace(connection, server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")


def registry(settings: Settings) -> kopf.OperatorRegistry:
    """The handlers for one operator with these settings."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers)
    async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.networking.request_timeout = 60
        await _connect(memo)

    async def _connect(memo: kopf.Memo) -> None:
        store = open_store(
            settings.artifacts_url, ttl=settings.artifacts_ttl, capacity_bytes=settings.artifacts_capacity_bytes
        )
        client = await Client.connect()
        reconciler = Reconciler(
            Investigations(client),
            Workloads(client, settings.collector_image, settings.collector_pull_policy),
            Pods(client),
            Events(client, settings.instance),
            store,
            settings,
        )
        memo.client = client
        memo.sweeper = asyncio.create_task(sweep_forever(store))
        memo.loop = Loop(reconciler.step, width=settings.width, limit=PASS_SECONDS, retryable=retryable())
        if settings.metrics_port:
            start_http_server(settings.metrics_port)

    @kopf.on.login(registry=handlers)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        inside = kopf.login_with_service_account(**kwargs)
        return by_address(inside, os.environ) if inside is not None else kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def changed(
        type: str | None,
        meta: kopf.Meta,
        namespace: str | None,
        name: str | None,
        memo: kopf.Memo,
        **_: Any,
    ) -> None:
        # The generation grows with the spec and on deletion, not with our own writes of the status.
        if type != "DELETED" and memo.get("generation") == meta["generation"]:
            return
        memo.generation = meta["generation"]
        memo.loop.wake(namespace, name)

    @kopf.on.probe(id="steps", registry=handlers)
    async def steps(memo: kopf.Memo, **_: Any) -> float:
        age: float = memo.loop.oldest_step_seconds()
        if age > STUCK_AFTER_SECONDS:
            raise kopf.PermanentError(f"a step has been running for {age:.0f} s")
        return age

    @kopf.on.cleanup(registry=handlers)
    async def stop(memo: kopf.Memo, **_: Any) -> None:
        memo.sweeper.cancel()
        await memo.loop.stop()
        await memo.client.close()

    return handlers
