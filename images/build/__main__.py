"""The command line: `python -m images.build [NAME…]`; without a name it builds all images."""

import fcntl
import sys
import tempfile
from pathlib import Path

from cluster.progress import Failed, step
from cluster.settings import REPOSITORY, cache

from . import base, engine
from .content import content

PREFIX = "docker.io/offheap"


def dockerfiles() -> dict[str, Path]:
    """Image name → Dockerfile: the operator's at the root, `images/NAME/Dockerfile` for the others; images/jdkN is lab-jdkN."""
    found = {"operator": REPOSITORY / "Dockerfile"}
    for file in sorted((REPOSITORY / "images").glob("*/Dockerfile")):
        folder = file.parent.name
        found[f"lab-{folder}" if folder.startswith("jdk") else folder] = file
    return found


def build(name: str, dockerfile: Path) -> None:
    """Builds one image, unless the same content was built before; a second builder of the same image waits."""
    builder = engine.find()
    image = f"{PREFIX}/{name}:dev"
    wanted = content(dockerfile, REPOSITORY, Path(base.__file__).read_text())
    log = cache() / "logs" / f"image-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if builder.label(image) == wanted:
            print(f"✓ offheap/{name}:dev is built already", flush=True)
            return
        base.ensure(builder, dockerfile)
        with step(f"building offheap/{name}:dev"), tempfile.TemporaryDirectory(prefix="offheap-build-") as settings:
            builder.build(image, dockerfile, REPOSITORY, wanted, log, Path(settings))


def main() -> int:
    """0 when all named images are built."""
    known = dockerfiles()
    names = sys.argv[1:] or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no image {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        for name in names:
            build(name, known[name])
    except Failed as failure:
        print(f"✗ {failure.report()}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
