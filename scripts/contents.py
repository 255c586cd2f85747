"""Prints the content keys of images: what changes them is rolled out, although their tag stays `dev`."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.settings import REPOSITORY
from images.build import base
from images.build.__main__ import dockerfiles
from images.build.content import content


def main() -> None:
    """One word an image named on the command line, in one line."""
    known, bases = dockerfiles(), Path(base.__file__).read_text()
    print(*(f"{name}:{content(known[name], REPOSITORY, bases)[:12]}" for name in sys.argv[1:]))


if __name__ == "__main__":
    main()
