"""The command line: `python -m images.build [--keys] [NAME…]`; without a name it is about all images."""

import argparse
import fcntl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.progress import Failed, step
from cluster.settings import REPOSITORY, cache

from . import base, engine, leftovers
from .catalog import dockerfiles, key, reference


def build(name: str, dockerfile: Path) -> None:
    """Builds one image, unless the same content was built before."""
    builder = engine.find()
    image, wanted = reference(name), key(dockerfile)
    log = cache() / "logs" / f"image-{name}.log"
    with _alone(log.parent):
        if builder.label(image) == wanted:
            print(f"✓ offheap/{name}:dev is built already", flush=True)
            return
        base.ensure(builder, dockerfile)
        with (
            step(f"building offheap/{name}:dev"),
            leftovers.no_containers_left(builder),
            tempfile.TemporaryDirectory(prefix="offheap-build-") as settings,
        ):
            builder.build(image, dockerfile, REPOSITORY, wanted, log, Path(settings))
        leftovers.prune(builder, log.parent.glob("image-*.log"))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One build at a time: two have nothing to gain, and the clearing up must not meet the steps of a running one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "images.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("waiting for another build"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """0 when all named images are built, or their keys are printed."""
    known = dockerfiles()
    parser = argparse.ArgumentParser(prog="python -m images.build", description="Builds the images that have changed.")
    parser.add_argument("--keys", action="store_true", help="print NAME:KEY of each image instead, in one line")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    options = parser.parse_args(arguments)
    names = options.names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no image {', '.join(unknown)}; there are: {', '.join(known)}")
    try:
        if options.keys:
            print(*(f"{name}:{key(known[name])}" for name in names))
            return 0
        for name in names:
            build(name, known[name])
    except Failed as failure:
        print(f"✗ {failure.report()}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
