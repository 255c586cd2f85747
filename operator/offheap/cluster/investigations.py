"""The MemoryInvestigation objects: read, status, finalizer, delete.

The status is written by PUT with the resourceVersion that was read: 409 when the object moved, 400 for a field that the
schema does not know (instead of losing it silently), 422 for a value that it refuses.
"""

from __future__ import annotations

import logging
from typing import Any

from kubernetes.aio.client.exceptions import NotFoundException
from pydantic import ValidationError

from offheap.api.v1alpha1 import GROUP, PLURAL, VERSION, MemoryInvestigation, Status, dump
from offheap.cluster.client import MERGE_PATCH, Client
from offheap.investigation.observed import FINALIZER

log = logging.getLogger("offheap.investigations")

_STRICT = (("fieldValidation", "Strict"),)


class Investigations:
    """The investigations of every namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, namespace: str, name: str) -> MemoryInvestigation | None:
        """The object as it is now; None when there is none."""
        try:
            return MemoryInvestigation.model_validate(await self._client.get(_path(namespace, name)))
        except NotFoundException:
            return None

    async def list(self, namespace: str) -> tuple[MemoryInvestigation, ...]:
        """All of a namespace that can be read: one that was made for another version holds up no other."""
        found = await self._client.get(_path(namespace))
        kind = {"apiVersion": found["apiVersion"], "kind": "MemoryInvestigation"}
        readable = []
        for item in found["items"]:
            try:
                readable.append(MemoryInvestigation.model_validate({**kind, **item}))
            except ValidationError as error:
                log.warning("%s/%s cannot be read: %s", namespace, item["metadata"]["name"], error)
        return tuple(readable)

    async def save(self, inv: MemoryInvestigation, status: Status) -> None:
        """Writes the status. Raises ConflictException when the object moved since it was read."""
        kept = ("name", "namespace", "uid", "resourceVersion")
        body = {
            "apiVersion": inv.api_version,
            "kind": inv.kind,
            "metadata": {key: inv.metadata[key] for key in kept},
            "status": dump(status),
        }
        await self._client.write("PUT", f"{_path(inv.namespace, inv.name)}/status", body, query=_STRICT)

    async def hold(self, inv: MemoryInvestigation, *, on: bool) -> None:
        """Puts our finalizer on or takes it away."""
        names = [n for n in inv.metadata.get("finalizers") or [] if n != FINALIZER] + ([FINALIZER] if on else [])
        meta: dict[str, Any] = {"finalizers": names, "resourceVersion": inv.metadata["resourceVersion"]}
        path = _path(inv.namespace, inv.name)
        await self._client.write("PATCH", path, {"metadata": meta}, content_type=MERGE_PATCH)

    async def delete(self, inv: MemoryInvestigation) -> None:
        """Deletes exactly this object."""
        body = {"preconditions": {"uid": inv.uid, "resourceVersion": inv.metadata["resourceVersion"]}}
        await self._client.write("DELETE", _path(inv.namespace, inv.name), body)


def _path(namespace: str, name: str = "") -> str:
    base = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
    return f"{base}/{name}" if name else base
