"""Which images there are, where their Dockerfiles lie, and the hash of the content that each is built from."""

from pathlib import Path

from cluster.settings import REPOSITORY

from . import base
from .content import content

PREFIX = "docker.io/offheap"


def dockerfiles(repository: Path = REPOSITORY) -> dict[str, Path]:
    """Image name → Dockerfile: the operator's at the root, `images/NAME/Dockerfile` for the others; images/jdkN is lab-jdkN."""
    found = {"operator": repository / "Dockerfile"}
    for file in sorted((repository / "images").glob("*/Dockerfile")):
        folder = file.parent.name
        found[f"lab-{folder}" if folder.startswith("jdk") else folder] = file
    return found


def reference(name: str) -> str:
    """The image's full name; its tag stays, its content is told by a label."""
    return f"{PREFIX}/{name}:dev"


def key(dockerfile: Path) -> str:
    """Changes when the image would be another one if it were built now."""
    return content(dockerfile, REPOSITORY, Path(base.__file__).read_text())
