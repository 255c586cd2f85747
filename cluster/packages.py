"""Installs the Debian packages that the cluster and the image building stand on, where their programs are missing."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .progress import Failed, run_logged, step
from .settings import cache

NODE: Mapping[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "cc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
}
"""Program or file → the package that has it."""

SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/local/go/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
NO_SERVICES = Path("/usr/sbin/policy-rc.d")


def ensure(wanted: Mapping[str, str]) -> None:
    """Installs the packages of the programs that are missing."""
    missing = sorted({package for program, package in wanted.items() if not present(program)})
    if missing:
        install(missing)


def present(program: str) -> bool:
    """Whether a program is on the path or, for an absolute name, a file is there."""
    return Path(program).exists() if program.startswith("/") else shutil.which(program, path=SEARCH_PATH) is not None


def install(packages: list[str]) -> None:
    """apt-get install, without starting the services that packages bring: the cluster has its own containerd."""
    names = " ".join(packages)
    if not present("apt-get"):
        raise Failed(f"missing, and no apt-get to install them: {names}")
    if os.geteuid():
        raise Failed(f"missing: {names}; run as root, or install them yourself")
    log = cache() / "logs" / "apt.log"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with step(f"installing {names}"[:64]), log.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _no_services():
            run_logged(["apt-get", "update"], log, 300, environment=environment)
            command = [
                "apt-get",
                "-o",
                "DPkg::Lock::Timeout=300",
                "install",
                "-y",
                "--no-install-recommends",
                *packages,
            ]
            run_logged(command, log, 900, environment=environment)


@contextmanager
def _no_services() -> Iterator[None]:
    """Forbids dpkg to start services while the block runs, unless the machine forbids it anyway."""
    ours = not NO_SERVICES.exists()
    if ours:
        NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
        NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            NO_SERVICES.unlink(missing_ok=True)
