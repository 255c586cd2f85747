"""What each probe can do on each kind of JVM: a real run on the cluster, then the page. `make probe-matrix` is the command.

Words on the command line narrow it to cells whose names contain one of them, and the page goes to the terminal then.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from ..e2e.kubectl import Json, Kubectl, connect
from ..e2e.operator import deployed
from ..e2e.scene import Scene
from .cells import CELLS, Cell
from .page import Run, page, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "probe-matrix.md"
AT_A_TIME = 4
NAMESPACES = {False: "offheap-matrix", True: "offheap-matrix-root"}
"""Whether the JVM's user is root → the namespace; `restricted` forbids root."""
ATTEMPTS = 2
SAMPLING: Json = {"interval": "4s", "duration": "12s"}
BUDGET: Json = {"targetMemory": "64Mi"}
"""Enough for every probe: what is skipped is so for another reason."""


def main(words: Sequence[str]) -> int:
    """Fails when a cell has no answer; the page is then not written."""
    cells = [cell for cell in CELLS if not words or any(word in cell.name for word in words)]
    kubectl = connect()
    deployed(kubectl)
    for root, name in NAMESPACES.items():
        level = "privileged" if root else "restricted"
        labels = {"pod-security.kubernetes.io/enforce": level, "offheap.dev/e2e": "true"}
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        runs = _all(kubectl, cells)
    finally:
        for name in NAMESPACES.values():
            kubectl.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    missing = [cell.name for cell in cells if cell not in runs]
    if missing:
        print(f"no answer: {', '.join(missing)}", file=sys.stderr)
        return 1
    if words:
        print(page(runs))
    else:
        PAGE.write_text(page(runs), encoding="utf-8")
        print(f"✓ {PAGE}")
    return 0


def _all(kubectl: Kubectl, cells: Sequence[Cell]) -> dict[Cell, Run]:
    runs: dict[Cell, Run] = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting = {pool.submit(_one, kubectl, cell): cell for cell in cells}
        for future in as_completed(waiting):
            cell = waiting[future]
            try:
                runs[cell] = future.result()
            except AssertionError as error:
                print(f"✗ {cell.name}: {error}", file=sys.stderr, flush=True)
                continue
            done = sum(outcome.state == "Done" for outcome in runs[cell].outcomes)
            print(f"✓ {cell.name}: {done} of {len(runs[cell].outcomes)} probes", flush=True)
    return runs


def _one(kubectl: Kubectl, cell: Cell) -> Run:
    """One investigation, and away with what it was about."""
    scene = Scene(kubectl, NAMESPACES[cell.variant.root])
    try:
        scene.deploy(cell.deployment())
        for attempt in range(ATTEMPTS):
            name = f"{cell.name}-{attempt}"
            scene.investigate(
                cell.name, name=name, intrusion="Profile", sampling=SAMPLING, budget=BUDGET, deadline="10m"
            )
            mi = scene.finished(name)
            found = run(mi["status"])
            if found.outcomes:
                return found
        raise AssertionError(f"no probe has run: {mi['status'].get('outcome')}")
    finally:
        kubectl.run("delete", "deployment", cell.name, "-n", scene.namespace, "--wait=false", "--ignore-not-found")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
