"""How long the plan waits for what others do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long each thing of the cluster may take, in seconds."""

    target: float = 60
    """For the target, or a running pod of it, to appear: manifests are applied in any order."""
    image: float = 90
    start: float = 120
    rollout: float = 300
    settle: float = 120
    """For a rollout of the owner's to end before we patch."""
    restore: float = 600
    """For the pods of the restored template; the template itself is put back however long it takes."""
    analysis: float = 600
    """For weighing the evidence, beyond the deadline: an analysis that does not end must not keep the target patched."""
    poll: float = 2


PATIENCE = Patience()
