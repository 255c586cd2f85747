"""Names of clusters are safe in paths, and the cache is where it is said to be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import settings
from cluster.settings import Cluster

LONGEST_SOCKET_PATH_BYTES = 107


def test_the_name_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER_NAME", "other")
    assert settings.from_environment() == Cluster("other")
    monkeypatch.setenv("CLUSTER_NAME", "")
    assert settings.from_environment() == Cluster("offheap")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_name_is_refused_or_safe_and_short(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLUSTER_NAME", name)
        try:
            cluster = settings.from_environment()
        except SystemExit:
            return
    assert cluster.state.parent == settings.STATE_ROOT
    assert len(str(cluster.containerd_socket)) <= LONGEST_SOCKET_PATH_BYTES


@pytest.mark.parametrize("name", ["..", "a/b", "A", "1a", "a b", "a" * 21, "a\n"])
def test_names_that_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CLUSTER_NAME", name)
    with pytest.raises(SystemExit, match="CLUSTER_NAME"):
        settings.from_environment()


def test_clusters_share_no_path() -> None:
    one, two = Cluster("offheap"), Cluster("other")
    for place in ("state", "run", "lock", "namespace", "kubeconfig", "pod_logs"):
        assert getattr(one, place) != getattr(two, place)


def test_a_relative_cache_holds_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHEAP_CACHE", "here")
    assert settings.cache() == tmp_path / "here"


def test_the_cache_follows_the_desktops_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFHEAP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settings.cache() == tmp_path / "offheap"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert settings.cache() == tmp_path / "home" / ".cache" / "offheap"
