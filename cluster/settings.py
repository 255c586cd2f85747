"""Where a cluster keeps its things, and the addresses inside its network namespace.

Every cluster has its own namespace, so all clusters use the same addresses and ports; only what lies in the file
system, in the cgroup hierarchies and on the host's loopback interface needs a name or a number of its own.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
KUBERNETES_VERSION = "v1.34.4"

NODE_ADDRESS = "10.200.0.1"
SERVICE_RANGE = "10.96.0.0/16"
KUBERNETES_SERVICE_ADDRESS = "10.96.0.1"
POD_RANGE = "10.244.0.0/16"
NODE_POD_RANGE = "10.244.0.0/24"
APISERVER_PORT = 6443
ETCD_PORT = 2379
FIRST_FORWARDED_PORT = 16443

STATE_ROOT = Path("/var/lib/offheap")
RUN_ROOT = Path("/run/offheap")


@dataclass(frozen=True)
class Cluster:
    """One cluster of this machine. Its name is also that of its network namespace, node, cgroup and CNI network."""

    name: str

    @property
    def state(self) -> Path:
        """What lasts until `down`: certificates, etcd's data, images, logs."""
        return STATE_ROOT / self.name

    @property
    def run(self) -> Path:
        """Sockets and process records; a short path, for a socket's path has at most 107 bytes."""
        return RUN_ROOT / self.name

    @property
    def lock(self) -> Path:
        """Held while a command changes the cluster; outside of `run`, which `down` removes."""
        return RUN_ROOT / f"{self.name}.lock"

    @property
    def namespace(self) -> Path:
        return Path("/run/netns") / self.name

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def pod_logs(self) -> Path:
        return self.state / "pod-logs"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def checkout(self) -> Path:
        """The folder of this checkout that tests and people read: kubeconfig and bin/kubectl."""
        folder = REPOSITORY / ".cluster"
        return folder if self.name == "offheap" else folder / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.checkout / "kubeconfig"


def from_environment() -> Cluster:
    """The cluster that CLUSTER_NAME names."""
    name = os.environ.get("CLUSTER_NAME") or "offheap"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise SystemExit(f"CLUSTER_NAME={name!r}: 1 to 20 lower-case letters, digits and dashes, a letter first")
    return Cluster(name)


def cache() -> Path:
    """Where built programs and base images are kept between clusters and checkouts."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "offheap"
    return Path(os.environ.get("OFFHEAP_CACHE") or default).absolute()
