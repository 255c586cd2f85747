"""The few things that the demo asks of the cluster, through kubectl: what it does, a person can repeat by hand."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from offheap.api.v1alpha1 import MemoryInvestigation

REPOSITORY = Path(__file__).resolve().parent.parent


class DemoError(Exception):
    """What keeps the demo from going on; the message is for the person at the terminal."""


def kubectl(*words: str, timeout_seconds: float = 60) -> str:
    """What kubectl prints, on $KUBECONFIG or on the cluster of `make cluster-up`."""
    kubeconfig = os.environ.get("KUBECONFIG") or str(REPOSITORY / ".cluster" / "kubeconfig")
    program = shutil.which("kubectl", path=f"{REPOSITORY / '.cluster' / 'bin'}:{os.environ.get('PATH', '')}")
    if program is None:
        raise DemoError("kubectl is not there: run `make cluster-up` first.")
    argv = [program, "--kubeconfig", kubeconfig, *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    if done.returncode != 0:
        raise DemoError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def investigation(name: str, namespace: str) -> MemoryInvestigation:
    """The resource as it is now."""
    found = kubectl("get", "memoryinvestigation", name, "-n", namespace, "-o", "json")
    return MemoryInvestigation.model_validate(json.loads(found))


def template_hash(name: str, namespace: str) -> str:
    """sha256 over the canonical JSON of the Deployment's pod template: equal hashes mean equal templates."""
    deployment = json.loads(kubectl("get", "deployment", name, "-n", namespace, "-o", "json"))
    canonical = json.dumps(deployment["spec"]["template"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
