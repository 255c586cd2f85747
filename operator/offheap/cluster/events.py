"""Kubernetes Events on visible transitions, each posted once: its name is derived from what it tells, so a repeat is a 409."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from kubernetes.aio.client.exceptions import ApiException

from offheap.api.v1alpha1 import GROUP, KIND, VERSION, MemoryInvestigation
from offheap.cluster.client import Client

_CONTROLLER = "offheap.dev/operator"
_MAX_NOTE = 1024


class Events:
    """The events.k8s.io/v1 API."""

    def __init__(self, client: Client, instance: str) -> None:
        self._client = client
        self._instance = instance

    async def post(self, inv: MemoryInvestigation, *, reason: str, note: str, warning: bool) -> None:
        """Posts one event about the investigation. An event that cannot be posted is no reason to stop."""
        digest = hashlib.sha256(f"{inv.uid}/{reason}/{note}".encode()).hexdigest()[:16]
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{inv.name[:200]}.{digest}", "namespace": inv.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": _CONTROLLER,
            "reportingInstance": self._instance[:128],
            "action": "Investigate",
            "reason": reason[:128],
            "note": note[:_MAX_NOTE],
            "type": "Warning" if warning else "Normal",
            "regarding": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "namespace": inv.namespace,
                "name": inv.name,
                "uid": inv.uid,
            },
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{inv.namespace}/events"
        try:
            await self._client.write("POST", path, body)
        except ApiException as error:
            if error.status not in (403, 404, 409):
                raise
