"""Builds the cluster's programs from the Go module proxy and keeps them by content.

The key of the cache is a hash of the module files, the build's flags and the compiler's version, so that a checkout with
the same go.sum uses what another one has built.
"""

import hashlib
import os
import shutil
from pathlib import Path

from . import toolchain
from .progress import Failed, run, run_logged, step
from .settings import KUBERNETES_VERSION, cache

MODULES = Path(__file__).resolve().parent / "go"
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
BUILD_TIMEOUT_SECONDS = 3600

_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
LINKER_FLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES_VERSION} -X {_VERSION}.gitTreeState=archive"
    f" -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
)


def ensure() -> Path:
    """The folder with all programs, built if no earlier build had the same key."""
    go = toolchain.ensure(toolchain.needed_by(file.read_text() for file in MODULES.glob("*/go.mod")))
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    environment = os.environ | settings | dict(go.environment)
    compiler = run([go.program, "version"], toolchain.DOWNLOAD_TIMEOUT_SECONDS, MODULES / "etcd", environment)
    target = cache() / "programs" / _key(compiler)
    if target.is_dir():
        return target
    building = target.with_name(f"{target.name}.{os.getpid()}")
    log = cache() / "logs" / "go-build.log"
    build: list[str | Path] = ["nice", go.program, "build", "-trimpath", "-ldflags", LINKER_FLAGS, "-o"]
    try:
        building.mkdir(parents=True)
        with step("building etcd"):
            etcd = [*build, building / "etcd", "go.etcd.io/etcd/server/v3"]
            run_logged(etcd, log, BUILD_TIMEOUT_SECONDS, MODULES / "etcd", environment)
        with step(f"building Kubernetes {KUBERNETES_VERSION} (once; 6 to 10 minutes on 2 cores)"):
            kubernetes = [*build, f"{building}/", "tool"]
            run_logged(kubernetes, log, BUILD_TIMEOUT_SECONDS, MODULES / "kubernetes", environment)
        missing = [name for name in (*KUBERNETES, "etcd") if not (building / name).exists()]
        if missing:
            raise Failed(f"the build made no {', '.join(missing)}", log)
        building.rename(target)
    except OSError as error:
        if not target.is_dir():
            raise Failed(f"{building}: {error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _key(compiler: str) -> str:
    digest = hashlib.sha256(f"{compiler}\n{LINKER_FLAGS}\n".encode())
    for file in sorted(MODULES.glob("*/go.*")):
        digest.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
