"""The cluster's network namespace, and sockets of this process that live in it.

Nothing in it has a way out: the only routes lead to the pods and to the services, so no packet of a test leaves the
machine.
"""

import ctypes
import http.client
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from .progress import Failed, run
from .settings import NODE_ADDRESS, SERVICE_RANGE, Cluster

INTERFACE = "node0"
CLONE_NEWNET = 0x40000000


def nsenter(cluster: Cluster) -> list[str]:
    """Prefix of a command that runs in the namespace.

    Not `ip netns exec`: that mounts a fresh /sys, in which the kubelet finds no cgroups.
    """
    return ["nsenter", f"--net={cluster.namespace}"]


def ensure(cluster: Cluster) -> None:
    """Makes the namespace, its loopback and the interface with the node's address: a bridge, for some kernels lack `dummy`."""
    if not cluster.namespace.exists():
        _marker(cluster).touch()
        run(["ip", "netns", "add", cluster.name])
    elif not ours(cluster):
        raise Failed(f"the network namespace {cluster.name} is somebody else's; choose another CLUSTER_NAME")
    inside = nsenter(cluster)
    run([*inside, "ip", "link", "set", "lo", "up"])
    if INTERFACE not in run([*inside, "ip", "-o", "link"]):
        run([*inside, "ip", "link", "add", INTERFACE, "type", "bridge"])
    run([*inside, "ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", INTERFACE])
    run([*inside, "ip", "link", "set", INTERFACE, "up"])
    # Without some route to the services a connection from the node fails before nftables rewrites its destination.
    run([*inside, "ip", "route", "replace", SERVICE_RANGE, "dev", INTERFACE, "src", NODE_ADDRESS])
    run([*inside, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])


def ours(cluster: Cluster) -> bool:
    """Whether the namespace is there and was made for this cluster: `down` kills all that lives in it."""
    return cluster.namespace.exists() and _marker(cluster).exists()


def remove(cluster: Cluster) -> None:
    """Removes the namespace, and with it every interface, route and nftables rule in it."""
    if ours(cluster):
        run(["ip", "netns", "del", cluster.name])
    folder = cluster.namespace.parent
    # `ip netns add` mounted the folder on itself. Path.is_mount() does not see that: it is on the same device as its parent.
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if str(folder) in mounted and not any(folder.iterdir()):
        with suppress(Failed):  # a namespace that was made meanwhile keeps it busy
            run(["umount", folder])


def enter(namespace: Path) -> None:
    """Moves the calling thread into the namespace; sockets that exist already stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open() as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))


def connect(cluster: Cluster, address: str, port: int, timeout_seconds: float = 3.0) -> socket.socket:
    """A TCP connection made inside the namespace: the thread that enters it ends, the socket stays there."""

    def inside() -> socket.socket:
        enter(cluster.namespace)
        return socket.create_connection((address, port), timeout_seconds)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(inside).result()


def answers_ok(cluster: Cluster, port: int, path: str, *, secure: bool = False) -> bool:
    """Whether an HTTP health endpoint in the namespace says 200; its certificate is not checked, only its life."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        connection.sock = connect(cluster, "127.0.0.1", port)
        try:
            if secure:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                connection.sock = context.wrap_socket(connection.sock)
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def _marker(cluster: Cluster) -> Path:
    return cluster.state / "namespace"
