"""The command line: `python -m cluster up|down|status|load IMAGE…`; CLUSTER and CLUSTER_NAME say which cluster."""

import os
import sys

from . import checkout, foreign, native, store
from .progress import Failed
from .settings import Cluster, from_environment

USAGE = "usage: python -m cluster up | down | status | load IMAGE…"


def _run(cluster: Cluster, kind: str, command: str, images: list[str]) -> bool:
    match kind, command:
        case "native", "up":
            native.up(cluster)
        case "native", "down":
            native.down(cluster)
        case "native", "status":
            return native.status(cluster)
        case "native", "load":
            for image in images:
                store.load(cluster, image)
        case "kind", "up":
            foreign.kind_up(cluster)
        case "kind", "down":
            foreign.kind_down(cluster)
        case "kind", "load":
            for image in images:
                foreign.kind_load(cluster, image)
        case "existing", "up":
            foreign.existing_up(cluster)
        case "existing", "down":
            checkout.remove(cluster)
            print("✓ forgotten; a cluster of somebody else's is not taken down")
        case "existing", "load":
            for image in images:
                foreign.existing_load(image)
        case "kind" | "existing", "status":
            return foreign.status(cluster)
        case _:
            raise Failed(f"CLUSTER={kind}: native, kind or existing" if command else USAGE)
    return True


def main() -> int:
    """0 when it is done, and for `status` when all is healthy."""
    command, *images = sys.argv[1:] or [""]
    if command not in ("up", "down", "status", "load") or (command == "load") != bool(images):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return 0 if _run(from_environment(), os.environ.get("CLUSTER") or "native", command, images) else 1
    except Failed as failure:
        print(f"✗ {failure.report()}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
