"""How containerd, the kubelet and kube-proxy are run, and the configuration files that they read."""

import json
import subprocess
from pathlib import Path

from . import network, pause
from .daemon import Daemon
from .settings import NODE_ADDRESS, NODE_POD_RANGE, POD_RANGE, Cluster

KUBELET_HEALTH_PORT = 10248
PROXY_HEALTH_PORT = 10256


def write_configuration(cluster: Cluster) -> None:
    """Writes what has changed, and only that: kube-proxy exits when its file is written."""
    (cluster.config / "cni").mkdir(parents=True, exist_ok=True)
    files: dict[str, object] = {
        "containerd.toml": _containerd(cluster),
        "cni/10-pods.conflist": _pod_network(cluster),
        "kubelet.json": _kubelet(cluster),
        "kube-proxy.json": _proxy(cluster),
        # There is no DNS: look-ups fail at once instead of waiting for the host's server, which pods cannot reach.
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    }
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        file = cluster.config / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)


def containerd(cluster: Cluster) -> Daemon:
    """A containerd of the cluster's own: root, state and socket apart from any other's."""
    file = cluster.config / "containerd.toml"
    socket = str(cluster.containerd_socket)
    command = (*network.nsenter(cluster), "containerd", "--config", str(file))

    def healthy() -> bool:
        asked = ["ctr", "--timeout", "3s", "--address", socket, "version"]
        return subprocess.run(asked, capture_output=True, timeout=10, check=False).returncode == 0

    return Daemon("containerd", command, healthy, (file, cluster.config / "cni" / "10-pods.conflist"))


def kubelet(cluster: Cluster, programs: Path) -> Daemon:
    """The kubelet, under a cgroup and a root folder of the cluster's own."""
    file = cluster.config / "kubelet.json"
    arguments = {
        "config": str(file),
        "kubeconfig": str(cluster.pki / "kubelet.kubeconfig"),
        "root-dir": str(cluster.state / "kubelet"),
        "cert-dir": str(cluster.state / "kubelet" / "pki"),
        "hostname-override": cluster.name,
        "node-ip": NODE_ADDRESS,
    }
    command = (*network.nsenter(cluster), str(programs / "kubelet"), *(f"--{k}={v}" for k, v in arguments.items()))
    return Daemon("kubelet", command, lambda: network.answers_ok(cluster, KUBELET_HEALTH_PORT, "/healthz"), (file,))


def proxy(cluster: Cluster, programs: Path) -> Daemon:
    """kube-proxy in nftables mode: it gives the services their addresses, the apiserver's before all."""
    file = cluster.config / "kube-proxy.json"
    program = str(programs / "kube-proxy")
    command = (*network.nsenter(cluster), program, f"--config={file}", f"--hostname-override={cluster.name}")
    return Daemon("kube-proxy", command, lambda: network.answers_ok(cluster, PROXY_HEALTH_PORT, "/livez"), (file,))


def _containerd(cluster: Cluster) -> str:
    """`restrict_oom_score_adj`: without CAP_SYS_RESOURCE runc dies ("can't get final child's PID from pipe: EOF")."""
    return f"""\
version = 2
root = "{cluster.state / "containerd"}"
state = "{cluster.run / "containerd"}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
address = "{cluster.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{cluster.state / "opt"}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause.IMAGE}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cluster.config / "cni"}"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _pod_network(cluster: Cluster) -> object:
    """One routed veth pair a pod: unlike on a bridge, pods reach each other's services without br_netfilter."""
    return {
        "cniVersion": "0.4.0",
        "name": cluster.name,
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(cluster.state / "cni"),
                    "ranges": [[{"subnet": NODE_POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet(cluster: Cluster) -> object:
    """The kubelet's file; images come by hand here, so no image is ever collected as garbage (threshold 100)."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{cluster.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.name}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(cluster.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(cluster.pki / "kubelet-server.key"),
        "podLogsDir": str(cluster.pod_logs),
        "volumePluginDir": str(cluster.state / "volume-plugins"),
        "resolvConf": str(cluster.config / "resolv.conf"),
        "healthzPort": KUBELET_HEALTH_PORT,
        "maxPods": 110,
        "serializeImagePulls": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "eventRecordQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "nodeStatusUpdateFrequency": "5s",
    }


def _proxy(cluster: Cluster) -> object:
    """kube-proxy's file; the conntrack limits are the host's, which a namespace cannot set: 0 leaves them alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": POD_RANGE,
        "clientConnection": {"kubeconfig": str(cluster.pki / "proxy.kubeconfig")},
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
            "udpTimeout": "0s",
            "udpStreamTimeout": "0s",
        },
        "nftables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
    }
