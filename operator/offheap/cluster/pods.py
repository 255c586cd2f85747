"""The target's pods: which they are, adding the collector's ephemeral container, and reading its log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubernetes.aio.client.exceptions import (
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    UnprocessableEntityException,
)

from offheap.cluster.client import STRATEGIC_MERGE_PATCH, Client, is_outdated, said
from offheap.investigation.problems import Problem, collector_denied
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]


class Pods:
    """Pods of every namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def of(self, target: Workload) -> tuple[Json, ...]:
        """The pods that the workload's controller runs now; a Pod stands for itself."""
        if target.kind == "Pod":
            pod = await self.read(target.namespace, target.name)
            return () if pod is None else (pod,)
        pods = await self._list("/api/v1", target.namespace, "pods", target.selector)
        owners = {target.uid}
        if target.kind == "Deployment":
            sets = await self._list("/apis/apps/v1", target.namespace, "replicasets", target.selector)
            owners = {s["metadata"]["uid"] for s in sets if _controller(s) == target.uid}
        return tuple(p for p in pods if _controller(p) in owners)

    async def read(self, namespace: str, name: str, uid: str | None = None) -> Json | None:
        """The pod; None when there is none, or only another one of the same name."""
        try:
            pod = await self._client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        except NotFoundException:
            return None
        return pod if uid in (None, pod["metadata"]["uid"]) else None

    async def collect(self, pod: Json, container: Json) -> Problem | None:
        """Adds the ephemeral container. Adding the same one again changes nothing."""
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/ephemeralcontainers"
        body = {"metadata": {"uid": meta["uid"]}, "spec": {"ephemeralContainers": [dict(container)]}}
        try:
            await self._client.write("PATCH", path, body, content_type=STRATEGIC_MERGE_PATCH)
        except NotFoundException:
            return None  # the pod went away meanwhile: the next pass sees it
        except (ForbiddenException, UnprocessableEntityException) as error:
            return None if is_outdated(error) else collector_denied(said(error))
        return None

    async def log(self, namespace: str, pod: str, container: str, since: datetime | None) -> str:
        """What the container has written, from ``since`` on; empty while it has no log yet.

        sinceTime is cut to whole seconds by the kubelet, so lines come twice; the stream's reader drops them.
        """
        query = [("container", container)] + ([("sinceTime", since.strftime("%Y-%m-%dT%H:%M:%SZ"))] if since else [])
        try:
            return await self._client.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query)
        except (NotFoundException, BadRequestException):
            return ""

    async def _list(self, group: str, namespace: str, plural: str, selector: str) -> list[Json]:
        found = await self._client.get(f"{group}/namespaces/{namespace}/{plural}", [("labelSelector", selector)])
        return list(found["items"])


def _controller(obj: Json) -> str | None:
    owners = obj["metadata"].get("ownerReferences") or []
    return next((o["uid"] for o in owners if o.get("controller")), None)
