"""Missing programs are named by their Debian packages; nothing is installed where all is there."""

import os
from pathlib import Path

import pytest

from cluster import packages
from cluster.progress import Failed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []
    monkeypatch.setattr(packages, "install", calls.append)
    return calls


def test_only_the_packages_of_missing_programs_are_installed_each_once(asked: list[list[str]], tmp_path: Path) -> None:
    missing = str(tmp_path / "header.h")
    packages.ensure({"sh": "dash", "no-such-program": "one", missing: "two", "no-such-either": "one"})
    assert asked == [["one", "two"]]


def test_nothing_missing_nothing_installed(asked: list[list[str]], tmp_path: Path) -> None:
    packages.ensure({"sh": "dash", str(tmp_path): "base-files"})
    assert asked == []


def test_programs_of_root_are_found_on_an_ordinary_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nft"
    program.touch(mode=0o755)
    monkeypatch.setattr(packages, "SEARCH_PATH", f"/nonexistent:{tmp_path}")
    assert packages.present("nft")
    assert not packages.present("sh")


def test_without_apt_or_root_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(Failed, match="no apt-get to install them: nftables runc"):
        packages.install(["nftables", "runc"])
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Failed, match="missing: nftables; run as root"):
        packages.install(["nftables"])
