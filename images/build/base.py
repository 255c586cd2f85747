"""Makes `debian:SUITE-slim` with debootstrap where no image registry can be asked.

The packages come from the mirror that this machine's own apt uses. With podman and docker the base images are pulled as usual,
unless OFFHEAP_BASE=debootstrap says otherwise; with buildah OFFHEAP_BASE=pull lets them be pulled.
"""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from cluster import packages
from cluster.progress import Failed, run, run_logged, step
from cluster.settings import cache

from .engine import Engine

BASE = re.compile(r"(?:docker\.io/library/)?debian:([a-z]+)-slim")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBOOTSTRAP_TIMEOUT_SECONDS = 600
SLIM = """\
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/lintian/*
"""
UNWANTED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/man", "usr/share/info", "usr/share/locale")


def ensure(engine: Engine, dockerfile: Path) -> None:
    """Makes the base images that the Dockerfile starts from."""
    if os.environ.get("OFFHEAP_BASE", "debootstrap" if engine.name == "buildah" else "pull") == "pull":
        return
    for line in dockerfile.read_text().splitlines():
        words = line.split()
        if len(words) > 1 and words[0].upper() == "FROM" and (found := BASE.fullmatch(words[1])):
            _ensure_suite(engine, found[1])


def _ensure_suite(engine: Engine, suite: str) -> None:
    image = f"docker.io/library/debian:{suite}-slim"
    content = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    archive = cache() / "images" / f"debian-{suite}-{content}.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if engine.label(image) == content:
            return
        if not archive.exists():
            _bootstrap(suite, archive)
        with step(f"making the base image debian:{suite}-slim"):
            engine.take_base(image, content, archive)


def _bootstrap(suite: str, archive: Path) -> None:
    """debootstrap's minimal system, less its documentation and caches, as a tar file."""
    packages.ensure({"debootstrap": "debootstrap", str(KEYRING): "debian-archive-keyring"})
    if os.geteuid():
        raise Failed("debootstrap needs root; or let podman or docker pull the base images")
    mirror, security = _mirrors()
    with tempfile.TemporaryDirectory(prefix=f"{archive.stem}-", dir=archive.parent) as folder:
        root = Path(folder) / "root"
        log = cache() / "logs" / f"debootstrap-{suite}.log"
        with step(f"debootstrap {suite}"):
            command: list[str | Path] = [
                "debootstrap",
                "--variant=minbase",
                f"--keyring={KEYRING}",
                suite,
                root,
                mirror,
            ]
            run_logged(command, log, DEBOOTSTRAP_TIMEOUT_SECONDS)
        sources = [f"deb {mirror} {suite} main"]
        if security and _served(f"{security}dists/{suite}-security/InRelease"):
            sources.append(f"deb {security} {suite}-security main")
        (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
        (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(SLIM)
        (root / "etc/resolv.conf").unlink(missing_ok=True)
        for unwanted in UNWANTED:
            for entry in (root / unwanted).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for section in range(1, 9):  # empty, but there: packages with alternatives link their manual pages in postinst
            (root / f"usr/share/man/man{section}").mkdir()
        packed = Path(folder) / "root.tar"
        run(["tar", "--numeric-owner", "--one-file-system", "-C", root, "-cf", packed, "."], 120)
        packed.rename(archive)


def _mirrors() -> tuple[str, str | None]:
    """Debian's main and security archive as this machine's apt knows them."""
    asked = ["apt-get", "indextargets", "--format=$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    rows = [line.split("|") for line in run(asked).splitlines()]
    if not any(origin == "Debian" for origin, _, _ in rows):
        run(["apt-get", "update"], 300)
        rows = [line.split("|") for line in run(asked).splitlines()]
    main = [uri for origin, label, uri in rows if origin == "Debian" and label == "Debian"]
    security = [uri for origin, label, uri in rows if origin == "Debian" and label == "Debian-Security"]
    if not main:
        raise Failed("no Debian mirror in this machine's apt sources; let podman or docker pull the base images")
    return main[0], security[0] if security else None


def _served(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False
