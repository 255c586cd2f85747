"""What a person would look at after a failed test, gathered while it is still there."""

from __future__ import annotations

import subprocess

from .kubectl import Kubectl, KubectlError
from .operator import Operator

LOG_LINES = 150


def report(kubectl: Kubectl, operator: Operator, namespace: str) -> str:
    """The namespace's investigations, workloads, pods and events, and the end of the operator's log."""
    looks = (
        ("investigations", ("get", "mi", "-n", namespace, "-o", "yaml")),
        ("workloads", ("get", "deployments,replicasets,pods", "-n", namespace, "-o", "wide")),
        ("pods", ("describe", "pods", "-n", namespace)),
        ("events", ("get", "events", "-n", namespace, "--sort-by=.lastTimestamp")),
        ("operator", ("logs", "-n", operator.namespace, f"deployment/{operator.name}", f"--tail={LOG_LINES}")),
        (
            "operator, before its restart",
            ("logs", "-n", operator.namespace, f"deployment/{operator.name}", "-p", "--tail=60"),
        ),
    )
    return "\n".join(f"--- {title}\n{_try(kubectl, words)}" for title, words in looks)


def _try(kubectl: Kubectl, words: tuple[str, ...]) -> str:
    try:
        return kubectl.run(*words)
    except (KubectlError, subprocess.TimeoutExpired) as error:
        return f"({error})"
