"""One operator's rooms on one connection to a real apiserver, and the means to set a scene and to look at it."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import NotFoundException

from offheap.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION, MemoryInvestigation, Status
from offheap.artifacts.store import open_store
from offheap.cluster.client import STRATEGIC_MERGE_PATCH, Client
from offheap.cluster.events import Events
from offheap.cluster.investigations import Investigations
from offheap.cluster.pods import Pods
from offheap.cluster.workloads import Workloads
from offheap.investigation.patience import Patience
from offheap.investigation.template import FIELD_MANAGER
from offheap.investigation.workload import Workload
from offheap.reconcile import Reconciler
from offheap.settings import Settings

Tree = dict[str, Any]
SETTINGS = Settings(metrics_port=0, liveness_port=0, patience=Patience(target=0, poll=0.2))
"""Nothing is served, and what is missing is waited for as shortly as whole seconds allow."""


class Wire(ApiClient):
    """Says one group for another, and books every request that changes something."""

    def __init__(self, configuration: Configuration, group: str) -> None:
        super().__init__(configuration)
        self.group = group
        self.writes: list[str] = []

    def param_serialize(self, method: str, resource_path: str, *args: Any, **options: Any) -> Any:
        if method != "GET":
            self.writes.append(f"{method} {resource_path}")
        path = resource_path.replace(f"/apis/{GROUP}/", f"/apis/{self.group}/")
        if options.get("body") is not None:
            options["body"] = json.loads(self._swap(json.dumps(options["body"]), GROUP, self.group))
        return super().param_serialize(method, path, *args, **options)

    def response_deserialize(self, response_data: Any, *args: Any, **options: Any) -> Any:
        answer = super().response_deserialize(response_data, *args, **options)
        text = answer.data.decode() if isinstance(answer.data, bytes) else answer.data
        answer.data = self._swap(text, self.group, GROUP).encode()
        return answer

    @staticmethod
    def _swap(text: str, this: str, that: str) -> str:
        return text.replace(f'"{this}/{VERSION}"', f'"{that}/{VERSION}"')


@dataclass
class Room:
    """`namespace` is the only one that it looks into."""

    wire: Wire
    namespace: str
    serial: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.client = Client(self.wire)
        self.investigations = Investigations(self.client)
        self.workloads = Workloads(self.client, "offheap/collector:dev")
        self.pods = Pods(self.client)
        self.events = Events(self.client, "optest")
        self.store = open_store("memory:///")
        self.prefix = f"t{uuid.uuid4().hex[:8]}"

    def reconciler(self, **changes: Any) -> Reconciler:
        """A new process, as far as the cluster can tell."""
        settings = replace(SETTINGS, **changes)
        return Reconciler(self.investigations, self.workloads, self.pods, self.events, self.store, settings)

    def name(self) -> str:
        return f"{self.prefix}-{next(self.serial)}"

    def path(self, plural: str, name: str = "") -> str:
        prefix = {
            "pods": "/api/v1",
            "deployments": "/apis/apps/v1",
            "statefulsets": "/apis/apps/v1",
            "daemonsets": "/apis/apps/v1",
            "events": "/apis/events.k8s.io/v1",
            PLURAL: f"/apis/{GROUP}/{VERSION}",
        }[plural]
        return f"{prefix}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def get(self, plural: str, name: str) -> Tree | None:
        try:
            return await self.client.get(self.path(plural, name))
        except NotFoundException:
            return None

    async def as_owned(self, name: str) -> Tree:
        """A Deployment as its owner sees it: without what every write and its controller move."""
        found = await self.client.get(self.path("deployments", name))
        meta = found["metadata"]
        kept = ("name", "namespace", "uid", "labels", "ownerReferences", "finalizers")
        ours = [e for e in meta["managedFields"] if e["manager"] == FIELD_MANAGER]
        return {"metadata": {k: meta[k] for k in kept if k in meta}, "spec": found["spec"], "ours": ours}

    async def investigate(self, target: str, kind: str = "Deployment", **spec: Any) -> MemoryInvestigation:
        """A new investigation that nobody has looked at."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": self.name(), "namespace": self.namespace},
            "spec": {"target": {"kind": kind, "name": target}, **spec},
        }
        return MemoryInvestigation.model_validate(await self.client.write("POST", self.path(PLURAL), body))

    async def read(self, inv: MemoryInvestigation) -> MemoryInvestigation:
        found = await self.investigations.read(inv.namespace, inv.name)
        assert found is not None
        return found

    async def with_status(self, inv: MemoryInvestigation, status: Status) -> MemoryInvestigation:
        await self.investigations.save(inv, status)
        return await self.read(inv)

    async def deployment(
        self,
        container: Tree | None = None,
        *,
        name: str | None = None,
        manager: str = "kubectl",
        pod: Tree | None = None,
    ) -> Workload:
        """A Deployment without pods, as its owner applied it. `container` and `pod` add to their specs."""
        name = name or self.name()
        labels = {"app": name}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "none:1", **(container or {})}], **(pod or {})},
                },
            },
        }
        await self.apply(self.path("deployments", name), body, manager)
        return await self.workload(name)

    async def workload(self, name: str) -> Workload:
        found = await self.workloads.read("Deployment", self.namespace, name)
        assert found is not None
        return found

    async def wipe_books(self, name: str) -> None:
        """What kubectl replace does to managedFields: nobody is known as the owner of anything any more."""
        body = {"metadata": {"managedFields": [{}]}}
        await self.client.write("PATCH", self.path("deployments", name), body, content_type=STRATEGIC_MERGE_PATCH)

    async def pod(self, user: int = 1000) -> Tree:
        """A pod that is stored and never scheduled: no kubelet has to work for it."""
        security = {
            "runAsUser": user,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name(), "namespace": self.namespace},
            "spec": {
                "nodeSelector": {"offheap.dev/no-such-node": "true"},
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "containers": [{"name": "app", "image": "none:1", "securityContext": security}],
            },
        }
        return await self.client.write("POST", self.path("pods"), body)

    async def apply(self, path: str, body: Tree, manager: str, *, force: bool = False) -> Tree:
        query = (("fieldManager", manager), ("force", str(force).lower()))
        content_type = "application/apply-patch+yaml"
        return await self.client.write("PATCH", path, body, query=query, content_type=content_type)

    async def delete(self, plural: str, name: str) -> None:
        await self.client.write("DELETE", self.path(plural, name), {"gracePeriodSeconds": 0})

    async def told(self, inv: MemoryInvestigation) -> list[Tree]:
        """The Events about an investigation."""
        found = await self.client.get(self.path("events"))
        return [e for e in found["items"] if e.get("regarding", {}).get("uid") == inv.uid]
