"""The cluster as kubectl shows it: JSON in, JSON out, no client library, so that the tests share no code with what they test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[2]


class KubectlError(Exception):
    """kubectl ended with an error; the text is its stderr."""


@dataclass(frozen=True)
class Kubectl:
    """One program and one kubeconfig."""

    program: str
    kubeconfig: Path

    def run(self, *words: str, stdin: str | None = None, timeout_seconds: float = 60) -> str:
        """What kubectl prints; KubectlError when it fails."""
        argv = [self.program, "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout_seconds, errors="replace", check=False
        )
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, kind: str, name: str, namespace: str) -> Json | None:
        """One object, or None when it is not there."""
        text = self.run("get", kind, name, "-n", namespace, "-o", "json", "--show-managed-fields", "--ignore-not-found")
        return dict(json.loads(text)) if text.strip() else None

    def items(self, kinds: str, *where: str) -> list[Json]:
        """The objects of one or several kinds; ``where`` is ``-n NAMESPACE`` or ``-A``, and selectors."""
        text = self.run("get", kinds, *where, "-o", "json", "--show-managed-fields")
        return list(json.loads(text)["items"])

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Client-side apply, as most people do it."""
        documents = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "-f", "-", stdin=json.dumps(documents))


def connect() -> Kubectl:
    """kubectl on $KUBECONFIG, or on the cluster that `make cluster-up` has brought up."""
    kubeconfig = Path(os.environ.get("KUBECONFIG") or REPOSITORY / ".cluster" / "kubeconfig")
    assert kubeconfig.is_file(), f"no kubeconfig at {kubeconfig}: run `make cluster-up`, or set KUBECONFIG"
    program = shutil.which("kubectl", path=f"{REPOSITORY / '.cluster' / 'bin'}:{os.environ.get('PATH', '')}")
    assert program is not None, "kubectl is not on the PATH"
    return Kubectl(program, kubeconfig)
