"""What this checkout shows of the cluster: `.cluster/kubeconfig` and `.cluster/bin/kubectl`.

Several checkouts may use the same cluster, so it lies here and not with the cluster's state. A cluster of another name has its
folder below: `.cluster/NAME/`.
"""

from contextlib import suppress
from pathlib import Path

from .settings import Cluster


def kubectl(cluster: Cluster) -> Path:
    """The kubectl that fits the cluster."""
    return cluster.checkout / "bin" / "kubectl"


def write(cluster: Cluster, kubeconfig: str, program: Path) -> None:
    """Writes the kubeconfig of the admin and the link to kubectl; what is right already stays untouched."""
    link = kubectl(cluster)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not cluster.kubeconfig.exists() or cluster.kubeconfig.read_text() != kubeconfig:
        cluster.kubeconfig.touch(mode=0o600)
        cluster.kubeconfig.write_text(kubeconfig)
    if not link.is_symlink() or link.readlink() != program:
        link.unlink(missing_ok=True)
        link.symlink_to(program)


def remove(cluster: Cluster) -> None:
    """Removes both, and the folders that are empty then."""
    for file in (cluster.kubeconfig, kubectl(cluster)):
        file.unlink(missing_ok=True)
    for folder in (kubectl(cluster).parent, cluster.checkout):
        with suppress(OSError):
            folder.rmdir()
