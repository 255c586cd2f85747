"""The go command is found or fetched, whatever the machine has: stand-ins for go say their version on the path."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import packages, toolchain

VERSIONS = st.tuples(st.integers(1, 3), st.integers(0, 40), st.integers(0, 30))
NEEDED = (1, 25, 0)


def stand_in(folder: Path, version: str) -> Path:
    """A go that knows `version`, `env` and `mod download -json`, and writes down what it was asked for."""
    folder.mkdir()
    program = folder / "go"
    program.write_text(
        f"""#!/bin/sh
echo "$GOTOOLCHAIN $*" >>{folder}/asked
case $1 in
version) echo "go version go{version} linux/amd64" ;;
env) printf 'linux\\namd64\\n' ;;
mod)
    dir=$GOMODCACHE/golang.org/toolchain
    mkdir -p $dir/bin $dir/pkg/tool/linux_amd64 $dir/src/deep
    echo '#!/bin/sh' >$dir/bin/go
    touch $dir/pkg/tool/linux_amd64/compile
    echo module std >$dir/src/_go.mod
    echo '{{"Dir": "'$dir'"}}' ;;
esac
"""
    )
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFHEAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def on_path(monkeypatch: pytest.MonkeyPatch, *programs: Path) -> None:
    monkeypatch.setattr(packages, "SEARCH_PATH", os.pathsep.join(str(program.parent) for program in programs))


def test_a_go_that_is_new_enough_is_used_and_does_not_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = stand_in(tmp_path / "new", "1.26.8")
    on_path(monkeypatch, new)
    assert toolchain.ensure(NEEDED) == toolchain.Go(new, {"GOTOOLCHAIN": "local"})


def test_a_newer_go_further_down_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = stand_in(tmp_path / "new", "1.25.0")
    on_path(monkeypatch, stand_in(tmp_path / "old", "1.19.8"), new)
    assert toolchain.ensure(NEEDED).program == new


def test_a_go_that_can_switch_is_told_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian_13 = stand_in(tmp_path / "debian", "1.24.4")
    on_path(monkeypatch, debian_13)
    assert toolchain.ensure(NEEDED) == toolchain.Go(debian_13, {"GOTOOLCHAIN": "go1.25.0"})


def test_an_old_go_downloads_the_toolchain_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    debian_12 = stand_in(tmp_path / "debian", "1.19.8")
    on_path(monkeypatch, debian_12)
    first, second = toolchain.ensure(NEEDED), toolchain.ensure(NEEDED)
    assert first == second == toolchain.Go(cache / "toolchains" / "go1.25.0" / "bin" / "go", {"GOTOOLCHAIN": "local"})
    asked = (debian_12.parent / "asked").read_text()
    assert asked.count("mod download -json golang.org/toolchain@v0.0.1-go1.25.0.linux-amd64") == 1
    assert [folder.name for folder in (cache / "toolchains").iterdir()] == ["go1.25.0"]


def test_the_downloaded_toolchain_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    on_path(monkeypatch, stand_in(tmp_path / "debian", "1.19.8"))
    root = toolchain.ensure(NEEDED).program.parent.parent
    assert all(os.access(root / file, os.X_OK) for file in ("bin/go", "pkg/tool/linux_amd64/compile"))
    assert (root / "src" / "go.mod").read_text() == "module std\n"


def test_without_any_go_debians_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []

    def install(names: list[str]) -> None:
        installed.extend(names)
        stand_in(tmp_path / "debian", "1.26.0")

    monkeypatch.setattr(packages, "install", install)
    on_path(monkeypatch, tmp_path / "debian" / "go")
    assert toolchain.ensure(NEEDED).program == tmp_path / "debian" / "go"
    assert installed == ["golang-go"]


@given(st.lists(VERSIONS, min_size=1, max_size=5), VERSIONS)
def test_the_first_that_is_new_enough_wins_else_the_newest(
    versions: list[toolchain.Version], needed: toolchain.Version
) -> None:
    found = [(Path(str(place)), version) for place, version in enumerate(versions)]
    place, version = toolchain.choose(found, needed)
    enough = [one for one in found if one[1] >= needed]
    assert (place, version) == enough[0] if enough else version == max(versions)


@given(VERSIONS)
def test_the_version_is_read_back_from_what_go_says(version: toolchain.Version) -> None:
    assert toolchain.parse_version(f"go version {toolchain.name(version)} linux/amd64\n") == version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go version go1.19 linux/amd64", (1, 19, 0)),
        ("go version go1.25rc1 linux/amd64", (1, 25, 0)),
        ("go version devel +1234 linux/amd64", None),
        ("", None),
    ],
)
def test_what_go_may_say(said: str, version: toolchain.Version | None) -> None:
    assert toolchain.parse_version(said) == version


def test_the_newest_need_of_the_modules_counts() -> None:
    assert toolchain.needed_by(["module a\n\ngo 1.24\n", "module b\n\ngo 1.25.3\n\nrequire go 1.99.0\n"]) == (1, 25, 3)
