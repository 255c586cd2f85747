"""The node's configuration is written when it changes and else not touched: kube-proxy exits at every write."""

import json
import tomllib
from pathlib import Path

import pytest

from cluster import node, settings
from cluster.settings import Cluster


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for root in ("STATE_ROOT", "RUN_ROOT"):
        monkeypatch.setattr(settings, root, tmp_path / root)
    made = Cluster("trial")
    node.write_configuration(made)
    return made


def test_every_file_can_be_read_by_its_reader(cluster: Cluster) -> None:
    containerd = tomllib.loads((cluster.config / "containerd.toml").read_text())
    assert containerd["grpc"]["address"] == str(cluster.containerd_socket)
    kubelet = json.loads((cluster.config / "kubelet.json").read_text())
    assert kubelet["containerRuntimeEndpoint"] == f"unix://{cluster.containerd_socket}"
    assert kubelet["cgroupRoot"] == "/trial"
    assert json.loads((cluster.config / "cni" / "10-pods.conflist").read_text())["name"] == "trial"


def test_only_what_has_changed_is_written(cluster: Cluster) -> None:
    files = sorted(file for file in cluster.config.rglob("*") if file.is_file())
    texts = [file.read_text() for file in files]
    files[0].write_text("edited by hand")
    for file in files[1:]:
        file.chmod(0o444)
    times = [file.stat().st_mtime_ns for file in files[1:]]
    node.write_configuration(cluster)
    assert [file.read_text() for file in files] == texts
    assert [file.stat().st_mtime_ns for file in files[1:]] == times
