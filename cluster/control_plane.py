"""How etcd, the apiserver, the controller manager and the scheduler are run."""

from pathlib import Path

from . import network
from .daemon import Daemon
from .settings import (
    APISERVER_PORT,
    ETCD_PORT,
    NODE_ADDRESS,
    NODE_POD_RANGE,
    POD_RANGE,
    SERVICE_RANGE,
    Cluster,
)

CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
ETCD_PEER_PORT = 2380


def etcd(cluster: Cluster, programs: Path) -> Daemon:
    """The store; it flushes no write to disk, for a test cluster does not outlive its machine."""
    clients, peers = f"http://127.0.0.1:{ETCD_PORT}", f"http://127.0.0.1:{ETCD_PEER_PORT}"
    arguments = {
        "name": cluster.name,
        "data-dir": str(cluster.state / "etcd"),
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"{cluster.name}={peers}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    return _daemon(cluster, "etcd", programs / "etcd", arguments, ETCD_PORT, "/health", secure=False)


def apiserver(cluster: Cluster, programs: Path) -> Daemon:
    """The apiserver; it prefers the node's address, or logs and exec would look its name up in a DNS that is not there."""
    pki = cluster.pki
    arguments = {
        "advertise-address": NODE_ADDRESS,
        "secure-port": str(APISERVER_PORT),
        "etcd-servers": f"http://127.0.0.1:{ETCD_PORT}",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "service-cluster-ip-range": SERVICE_RANGE,
        "client-ca-file": str(pki / "ca.crt"),
        "tls-cert-file": str(pki / "apiserver.crt"),
        "tls-private-key-file": str(pki / "apiserver.key"),
        "kubelet-certificate-authority": str(pki / "ca.crt"),
        "kubelet-client-certificate": str(pki / "apiserver-kubelet-client.crt"),
        "kubelet-client-key": str(pki / "apiserver-kubelet-client.key"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(pki / "service-account.pub"),
        "service-account-signing-key-file": str(pki / "service-account.key"),
        "event-ttl": "6h",
        "shutdown-delay-duration": "0s",
    }
    return _daemon(cluster, "apiserver", programs / "kube-apiserver", arguments, APISERVER_PORT, "/readyz")


def controller_manager(cluster: Cluster, programs: Path) -> Daemon:
    """Every controller with its own service account, as in a cluster of the trade; no leader election among one."""
    pki = cluster.pki
    arguments = {
        "kubeconfig": str(pki / "controller-manager.kubeconfig"),
        "authentication-kubeconfig": str(pki / "controller-manager.kubeconfig"),
        "authorization-kubeconfig": str(pki / "controller-manager.kubeconfig"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": str(pki / "service-account.key"),
        "root-ca-file": str(pki / "ca.crt"),
        "cluster-signing-cert-file": str(pki / "ca.crt"),
        "cluster-signing-key-file": str(pki / "ca.key"),
        "allocate-node-cidrs": "true",
        "cluster-cidr": POD_RANGE,
        "node-cidr-mask-size": NODE_POD_RANGE.partition("/")[2],
    }
    program = programs / "kube-controller-manager"
    return _daemon(cluster, "controller-manager", program, arguments, CONTROLLER_MANAGER_PORT, "/healthz")


def scheduler(cluster: Cluster, programs: Path) -> Daemon:
    """The scheduler, as it comes."""
    kubeconfig = str(cluster.pki / "scheduler.kubeconfig")
    arguments = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
    }
    return _daemon(cluster, "scheduler", programs / "kube-scheduler", arguments, SCHEDULER_PORT, "/healthz")


def _daemon(
    cluster: Cluster,
    name: str,
    program: Path,
    arguments: dict[str, str],
    port: int,
    health: str,
    *,
    secure: bool = True,
) -> Daemon:
    command = (*network.nsenter(cluster), str(program), *(f"--{key}={value}" for key, value in arguments.items()))
    return Daemon(name, command, lambda: network.answers_ok(cluster, port, health, secure=secure))
