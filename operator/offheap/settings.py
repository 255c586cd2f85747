"""What the operator's deployment decides; each is an option of ``offheap run`` and an environment variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from offheap.investigation.patience import Patience


@dataclass(frozen=True)
class Settings:
    """``namespaces`` empty: all. The collector's image is never taken from a resource."""

    collector_image: str = "offheap/collector:dev"
    collector_pull_policy: str = "IfNotPresent"
    namespaces: tuple[str, ...] = ()
    metrics_port: int = 8080
    liveness_port: int = 8081
    width: int = 8
    instance: str = "offheap"
    artifacts_url: str = "file:///var/lib/offheap/artifacts"
    artifacts_ttl: timedelta | None = timedelta(days=7)
    artifacts_capacity_bytes: int | None = None
    patience: Patience = field(default_factory=Patience)
