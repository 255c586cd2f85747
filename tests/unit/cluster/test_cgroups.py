"""The cluster's cgroup in both versions of the hierarchy, on plain folders that stand for them."""

from pathlib import Path

import pytest

from cluster import cgroups
from cluster.settings import Cluster

CLUSTER = Cluster("trial")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    return tmp_path


def hierarchy(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "cgroup.procs").touch()
    return folder


def test_version_1_has_one_folder_in_each_hierarchy(root: Path) -> None:
    memory, cpu = hierarchy(root, "memory"), hierarchy(root, "cpu,cpuacct")
    (root / "cpu").symlink_to(cpu)
    (root / "not-a-hierarchy").mkdir()
    assert not cgroups.exists(CLUSTER)
    cgroups.ensure(CLUSTER)
    assert cgroups.exists(CLUSTER)
    assert sorted(folder.parent for folder in root.glob("*/trial") if not folder.parent.is_symlink()) == [cpu, memory]
    assert not (root / "not-a-hierarchy" / "trial").exists()


def test_version_1_gives_an_empty_cpuset_the_cpus_of_the_machine(root: Path) -> None:
    cpuset = hierarchy(root, "cpuset")
    (cpuset / "trial").mkdir()
    for setting, machine in (("cpuset.cpus", "0-1\n"), ("cpuset.mems", "0\n")):
        (cpuset / setting).write_text(machine)
        (cpuset / "trial" / setting).write_text("\n")
    cgroups.ensure(CLUSTER)
    assert (cpuset / "trial" / "cpuset.cpus").read_text() == "0-1\n"
    assert (cpuset / "trial" / "cpuset.mems").read_text() == "0\n"


def test_version_2_hands_every_controller_down(root: Path) -> None:
    (root / "cgroup.controllers").write_text("memory\n")
    cgroups.ensure(CLUSTER)
    assert (root / "cgroup.subtree_control").read_text() == "+memory"
    assert (root / "trial" / "cgroup.subtree_control").read_text() == "+memory"


def test_removing_what_is_not_there_is_no_error(root: Path) -> None:
    hierarchy(root, "memory")
    cgroups.remove(CLUSTER)
    assert not cgroups.exists(CLUSTER)


def test_removing_takes_all_folders_below(root: Path) -> None:
    (hierarchy(root, "memory") / "trial" / "kubepods" / "pod1").mkdir(parents=True)
    cgroups.remove(CLUSTER)
    assert not cgroups.exists(CLUSTER)
