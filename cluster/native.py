"""Brings the whole node up, down, and tells its state."""

import fcntl
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import (
    certificates,
    cgroups,
    checkout,
    control_plane,
    daemon,
    kernel,
    network,
    node,
    packages,
    pause,
    programs,
    store,
)
from .daemon import Daemon
from .progress import Failed, run, step, wait_until
from .settings import APISERVER_PORT, FIRST_FORWARDED_PORT, NODE_ADDRESS, REPOSITORY, RUN_ROOT, STATE_ROOT, Cluster

NODE_TIMEOUT_SECONDS = 90.0
LOCK_TIMEOUT_SECONDS = 4500.0
DOWN_PATIENCE_SECONDS = 1.0
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
"""Where every kubelet puts one socket, whatever its root folder is."""


def up(cluster: Cluster) -> None:
    """Makes the cluster run: what is healthy stays, what is dead or outdated is started."""
    if os.geteuid():
        raise Failed(
            "the native cluster needs root (namespaces, cgroups, mounts); or use CLUSTER=kind or CLUSTER=existing"
        )
    started = time.monotonic()
    with _locked(cluster):
        packages.ensure(packages.NODE)
        built = programs.ensure()
        certificates.ensure(cluster)
        node.write_configuration(cluster)
        network.ensure(cluster)
        cgroups.ensure(cluster)
        kernel.remember()
        parts = _parts(cluster, built)
        changed = _start(cluster, parts)
        if pause.IMAGE not in _images(cluster):
            with step("loading the pause image"):
                store.import_archive(cluster, pause.archive())
        forward = _forwarder(cluster)
        changed += _start(cluster, [forward])
        port = (cluster.state / "forwarded-port").read_text()
        kubeconfig = certificates.kubeconfig_text(cluster, "admin", f"https://127.0.0.1:{port}")
        checkout.write(cluster, kubeconfig, built / "kubectl")
        if not _node_ready(cluster):
            with step(f"waiting for the node {cluster.name} to be ready"):
                kubelet_log = cluster.logs / "kubelet.log"
                wait_until(
                    f"node {cluster.name} Ready", lambda: _node_ready(cluster), NODE_TIMEOUT_SECONDS, kubelet_log
                )
    what = f"started {', '.join(changed)}" if changed else "nothing to do"
    took = time.monotonic() - started
    print(f"✓ cluster {cluster.name} is up ({what}; {took:.1f} s): KUBECONFIG={cluster.kubeconfig}", flush=True)


def down(cluster: Cluster) -> None:
    """Stops and removes everything that `up` made; works on a half-made cluster too."""
    with _locked(cluster), step(f"removing the cluster {cluster.name}"):
        # The kubelet first, or it would restart the containers that are killed; etcd last, after those who write to it.
        order = ["kubelet", "forward", "kube-proxy", "scheduler", "controller-manager", "apiserver", "etcd"]
        for name in [*order, *daemon.recorded(cluster)]:
            if name != "containerd":
                daemon.stop(cluster, name, DOWN_PATIENCE_SECONDS)
        leftovers = list(_leftovers(cluster))
        cgroups.remove(cluster)
        daemon.stop(cluster, "containerd", DOWN_PATIENCE_SECONDS)
        _kill_namespace(cluster)
        cgroups.remove(cluster)
        _unmount(cluster)
        network.remove(cluster)
        for path in leftovers:
            path.unlink(missing_ok=True)
        for folder in (cluster.state, cluster.run):
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                raise Failed(f"{folder} cannot be removed")
        checkout.remove(cluster)
    cluster.lock.unlink(missing_ok=True)
    _remove_shared()


def status(cluster: Cluster) -> bool:
    """Prints one line a part; true when all of them are healthy."""
    if not cluster.state.exists():
        print(f"cluster {cluster.name}: down")
        return False
    healthy = True
    for part in [*_parts(cluster, Path("/nonexistent")), _forwarder(cluster)]:
        pid = daemon.pid_of(cluster, part.name)
        good = pid is not None and part.healthy()
        healthy &= good
        print(
            f"{'✓' if good else '✗'} {part.name:<20} {f'pid {pid}' if pid else 'not running':<14} {part.log(cluster)}"
        )
    ready = healthy and _node_ready(cluster)
    print(
        f"{'✓' if ready else '✗'} node {cluster.name}: {'Ready' if ready else 'not ready'};"
        f" KUBECONFIG={cluster.kubeconfig}"
    )
    return ready


def _parts(cluster: Cluster, built: Path) -> list[Daemon]:
    """In the order in which they depend on each other."""
    return [
        node.containerd(cluster),
        control_plane.etcd(cluster, built),
        control_plane.apiserver(cluster, built),
        control_plane.controller_manager(cluster, built),
        control_plane.scheduler(cluster, built),
        node.kubelet(cluster, built),
        node.proxy(cluster, built),
    ]


def _start(cluster: Cluster, parts: list[Daemon]) -> list[str]:
    """Starts what does not run as it should, one after the other, and returns the names."""
    changed = []
    for part in parts:
        if daemon.current(cluster, part) and part.healthy():
            continue
        with step(f"starting {part.name}"):
            if part.name == "containerd" and not daemon.pid_of(cluster, "containerd"):
                cluster.containerd_socket.unlink(missing_ok=True)
            daemon.stop(cluster, part.name)
            daemon.start(cluster, part)
            daemon.wait_healthy(cluster, part)
        changed.append(part.name)
    return changed


def _forwarder(cluster: Cluster) -> Daemon:
    """The process behind the kubeconfig's port, which is chosen once in the cluster's life."""
    file = cluster.state / "forwarded-port"
    if not file.exists():
        file.write_text(str(_free_port()))
    port = int(file.read_text())
    arguments = (str(cluster.namespace), str(port), NODE_ADDRESS, str(APISERVER_PORT))

    def healthy() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 3):
            return daemon.pid_of(cluster, "forward") is not None
        return False

    command = (sys.executable, "-m", "cluster.forward", *arguments)
    environment = {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    source = REPOSITORY / "cluster" / "forward.py"
    return Daemon("forward", command, healthy, (source,), environment, identity=arguments)


def _free_port() -> int:
    """The first port from 16443 on that nobody listens on, nor another cluster has been given."""
    taken = {file.read_text() for file in STATE_ROOT.glob("*/forwarded-port")}
    for port in range(FIRST_FORWARDED_PORT, FIRST_FORWARDED_PORT + 200):
        if str(port) in taken:
            continue
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise Failed("no free port on the loopback interface")


def _node_ready(cluster: Cluster) -> bool:
    """Asked through the host's kubeconfig, which proves the forwarder too; pods also need the default service account."""
    kubectl: list[str | Path] = [
        cluster.checkout / "bin" / "kubectl",
        f"--kubeconfig={cluster.kubeconfig}",
        "--request-timeout=5s",
    ]
    condition = "{.status.conditions[?(@.type=='Ready')].status}/{.spec.taints[*].key}"
    try:
        answer = run([*kubectl, "get", "node", cluster.name, "-o", f"jsonpath={condition}"], 15)
        return answer.strip() == "True/" and bool(
            run([*kubectl, "get", "sa", "default", "-n", "default", "-o", "name"], 15)
        )
    except Failed:
        return False


def _images(cluster: Cluster) -> str:
    return run(["ctr", "--address", cluster.containerd_socket, "--namespace", "k8s.io", "images", "ls", "-q"])


def _kill_namespace(cluster: Cluster) -> None:
    """Ends the shims, and whatever else still lives in the cluster's network namespace."""
    if not network.ours(cluster):
        return
    end = time.monotonic() + daemon.STOP_TIMEOUT_SECONDS
    while pids := run(["ip", "netns", "pids", cluster.name]).split():
        if time.monotonic() > end:
            raise Failed(f"processes {pids} in the namespace {cluster.name} do not die")
        for pid in map(int, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _unmount(cluster: Cluster) -> None:
    """Unmounts all below the cluster's folders, the last mounted first."""
    prefixes = tuple(f"{folder}/" for folder in (cluster.state, cluster.run))
    for _ in range(3):
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        ours = [point for point in points if point.startswith(prefixes)]
        for point in reversed(ours):
            with suppress(Failed):
                run(["umount", "--lazy", point])
        if not ours:
            return


def _leftovers(cluster: Cluster) -> Iterator[Path]:
    """What containerd, the CNI library and the kubelet keep in folders whose place cannot be configured."""
    tasks = cluster.run / "containerd" / "io.containerd.runtime.v2.task" / "k8s.io"
    for task in tasks.glob("*/address"):
        yield Path(task.read_text().removeprefix("unix://"))
        yield Path(f"/var/lib/cni/results/cni-loopback-{task.parent.name}-lo")
    ours = re.compile(rf"{re.escape(cluster.name)}-[0-9a-f]{{64}}-eth0")
    yield from (file for file in Path("/var/lib/cni/results").glob("*") if ours.fullmatch(file.name))
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{cluster.pod_logs}/"):
            yield link


def _remove_shared() -> None:
    """With the machine's last cluster also goes what clusters share, and the kernel settings are as they were."""
    for folder in (STATE_ROOT, RUN_ROOT):
        with suppress(OSError):
            folder.rmdir()
    if STATE_ROOT.exists():
        return
    kernel.restore()
    DEVICE_PLUGINS.joinpath("kubelet.sock").unlink(missing_ok=True)
    for folder in (DEVICE_PLUGINS, DEVICE_PLUGINS.parent):
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    """One command at a time changes a cluster; a second one waits and then finds its work done."""
    cluster.lock.parent.mkdir(parents=True, exist_ok=True)
    with cluster.lock.open("w") as file:

        def taken() -> bool:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            return False

        if not taken():
            with step(f"waiting for another command on the cluster {cluster.name}"):
                wait_until(f"the lock {cluster.lock}", taken, LOCK_TIMEOUT_SECONDS)
        cluster.state.mkdir(parents=True, exist_ok=True, mode=0o755)
        yield
