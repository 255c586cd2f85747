"""The demo as a person would do it: deploy a service that leaks, apply one resource, read the answer.

Ends with 0 only when there is a verdict and the Deployment is as it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from demo.follow import follow
from demo.kubectl import DemoError, investigation, kubectl, template_hash
from demo.story import story

HERE = Path(__file__).parent
NAMESPACE, DEPLOYMENT, INVESTIGATION = "demo", "orders", "orders-memory"
KNOWN_ANSWER = "DirectBuffers, 30 MiB a minute (1800Mi an hour)"
TIMEOUT_SECONDS = 900.0
FOLD_COLUMNS = 130


def main() -> int:
    """0: a verdict, and the Deployment as it was. 1: not so, and why is said."""
    console = Console() if sys.stdout.isatty() else Console(width=FOLD_COLUMNS)
    try:
        return _demo(console)
    except (DemoError, TimeoutError) as error:
        console.print(f"✗ {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print(f"Interrupted. `kubectl delete mi {INVESTIGATION} -n {NAMESPACE}` ends it and puts all back.")
        return 130


def _demo(console: Console) -> int:
    console.rule("A service that leaks outside the heap")
    kubectl("apply", "-f", str(HERE / "orders.yaml"))
    kubectl("delete", "mi", INVESTIGATION, "-n", NAMESPACE, "--ignore-not-found", "--timeout=120s", timeout_seconds=130)
    rollout = ("rollout", "status", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--timeout=180s")
    kubectl(*rollout, timeout_seconds=200)
    console.print(kubectl("get", "pods", "-n", NAMESPACE), end="", highlight=False)
    before = template_hash(DEPLOYMENT, NAMESPACE)

    console.rule("The resource that asks why: kubectl apply -f demo/investigation.yaml")
    manifest = HERE / "investigation.yaml"
    console.print(Syntax(manifest.read_text(), "yaml", background_color="default"))
    kubectl("apply", "-f", str(manifest))

    mi = follow(lambda: investigation(INVESTIGATION, NAMESPACE), console, TIMEOUT_SECONDS)

    console.rule("The answer, read from its status")
    for part in story(mi):
        console.print(part)
    console.print(f"What the program really does: {KNOWN_ANSWER}", highlight=False)
    console.print(kubectl("get", "mi", INVESTIGATION, "-n", NAMESPACE, "-o", "wide"), highlight=False, soft_wrap=True)
    if mi.status.verdict is None:
        console.print("✗ there is no verdict", style="red")
    restored = _is_as_it_was(console, before)
    return 0 if restored and mi.status.verdict is not None else 1


def _is_as_it_was(console: Console, before: str) -> bool:
    after = template_hash(DEPLOYMENT, NAMESPACE)
    same = before == after
    mark = "[green]✓ the Deployment is as it was[/green]" if same else "[red]✗ the Deployment is not as it was[/red]"
    console.print(f"{mark}: pod template sha256 {before[:16]}… before, {after[:16]}… after", highlight=False)
    return same


if __name__ == "__main__":
    sys.exit(main())
