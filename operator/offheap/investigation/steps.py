"""What the plan can ask for: one step at a time, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offheap.api.v1alpha1 import CollectorStatus, PodStatus, Status
from offheap.investigation.template import Patch


@dataclass(frozen=True)
class Rest:
    """Nothing to do until somebody changes the object."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do now; look again after ``seconds``."""

    seconds: float


@dataclass(frozen=True)
class Record:
    """Write this status; then plan again at once."""

    status: Status


@dataclass(frozen=True)
class Hold:
    """Put our finalizer on: from here on something may have to be undone."""


@dataclass(frozen=True)
class Release:
    """Take our finalizer away: nothing is left to undo."""


@dataclass(frozen=True)
class Collect:
    """Add the collector's ephemeral container that the status announces."""

    collector: CollectorStatus
    pod: PodStatus


@dataclass(frozen=True)
class Apply:
    """Patch the workload's template as the status announces."""

    patch: Patch


@dataclass(frozen=True)
class Unapply:
    """Server-side apply of nothing: the apiserver takes away what only we own."""


@dataclass(frozen=True)
class Remove:
    """JSON patch that takes exactly our value away."""

    operations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Analyze:
    """Weigh the evidence; the diagnosis goes into the status and the investigation ends."""


@dataclass(frozen=True)
class Expire:
    """Delete the investigation: it is finished and its time to live is over."""


Step = Rest | Wait | Record | Hold | Release | Collect | Apply | Unapply | Remove | Analyze | Expire
