"""Clears what builds leave in the builder's store: layers that no image is built from any more, and containers of broken builds.

buildah and podman keep every step of a Dockerfile as an image without a name, for it is their cache. What the last build of each
image went through stands in its log; all else without a name is outdated. Only what carries our label is looked at: it is inherited
from the base images, so it tells our steps from those of others. docker has a cache of its own, apart from its images.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.progress import Failed, run

from .engine import CONTENT_LABEL, Engine

_STEP = re.compile(r"^(?:\[\d+/\d+\] )?--> (?:Using cache )?([0-9a-f]{11,64})$", re.M)
ID_DIGITS = 11
"""As many digits of an image's id as a log shows."""


def steps(log: str) -> set[str]:
    """The shortened ids of the images that a build went through, from its log."""
    return {found[:ID_DIGITS] for found in _STEP.findall(log)}


def prune(engine: Engine, logs: Iterable[Path]) -> None:
    """Removes our images without a name, but for the steps of the last builds; what is in use stays."""
    if engine.name == "docker":
        run(["docker", "image", "prune", "--force", f"--filter=label={CONTENT_LABEL}"], 300)
        return
    kept = set().union(*(steps(log.read_text(errors="replace")) for log in logs))
    seen: set[str] = set()
    while outdated := [image for image in _nameless(engine) if image[:ID_DIGITS] not in kept and image not in seen]:
        for image in outdated:  # a step's own steps become visible when it is gone
            with suppress(Failed):
                run([engine.name, "rmi", image], 120)
        seen.update(outdated)


@contextmanager
def no_containers_left(engine: Engine) -> Iterator[None]:
    """Removes the containers that a failed or interrupted build leaves behind when the block ends."""
    before = _containers(engine)
    try:
        yield
    finally:
        for container, image in _containers(engine).items():
            if container not in before and engine.label(image):
                with suppress(Failed):
                    run(["buildah", "rm", container], 120)


def _nameless(engine: Engine) -> list[str]:
    filters = ["--filter=dangling=true", f"--filter=label={CONTENT_LABEL}"]
    return list(dict.fromkeys(run([engine.name, "images", "--quiet", *filters], 120).split()))


def _containers(engine: Engine) -> dict[str, str]:
    """Working container → its image; only buildah has containers that outlive a build."""
    if engine.name != "buildah":
        return {}
    listed = json.loads(run(["buildah", "containers", "--all", "--json"], 120) or "null") or []
    return {row["id"]: row["imageid"] for row in listed}
