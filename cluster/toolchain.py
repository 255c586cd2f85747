"""Finds the go command that builds the programs, and gets one where the machine has none that is new enough.

Debian's own go is good enough for that, whatever its age: from 1.21 on it fetches the toolchain it is told to use, and an older one
can still download a module, which is all that a toolchain is (golang.org/toolchain). Both check it against Go's checksum database.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import packages
from .progress import Failed, run, step
from .settings import cache

Version = tuple[int, int, int]

FETCHES_TOOLCHAINS: Version = (1, 21, 0)
DOWNLOAD_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Go:
    """A go command, and the variables that it must be run with."""

    program: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def ensure(needed: Version) -> Go:
    """A go command of at least that version; installs or downloads what is missing for it."""
    found = _installed()
    if not found:
        packages.install(["golang-go"])
        found = _installed()
    if not found:
        raise Failed("no go command, and the package golang-go brought none")
    program, version = choose(found, needed)
    if version >= needed:
        return Go(program, {"GOTOOLCHAIN": "local"})
    if version >= FETCHES_TOOLCHAINS:
        return Go(program, {"GOTOOLCHAIN": name(needed)})
    return Go(_fetched(program, needed), {"GOTOOLCHAIN": "local"})


def choose(found: Iterable[tuple[Path, Version]], needed: Version) -> tuple[Path, Version]:
    """The first that is new enough, for it comes first on the path on purpose; else the newest."""
    candidates = list(found)
    return next((one for one in candidates if one[1] >= needed), None) or max(candidates, key=lambda one: one[1])


def parse_version(text: str) -> Version | None:
    """The version in the answer of `go version`, or None; a release candidate counts as the release."""
    found = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def needed_by(modules: Iterable[str]) -> Version:
    """The newest version that one of these go.mod files asks for."""
    lines = [re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", text, re.M) for text in modules]
    return max((int(found[1]), int(found[2]), int(found[3] or 0)) for found in lines if found)


def name(version: Version) -> str:
    """The toolchain's name, as GOTOOLCHAIN and the module's version have it."""
    return f"go{'.'.join(map(str, version))}"


def _installed() -> list[tuple[Path, Version]]:
    """Every go command on the path that can say its version, in the order of the path."""
    answers = {}
    for folder in dict.fromkeys(packages.SEARCH_PATH.split(os.pathsep)):
        program = shutil.which("go", path=folder)
        if program is None:
            continue
        try:
            said = run([program, "version"], folder=Path("/"), environment=os.environ | {"GOTOOLCHAIN": "local"})
        except Failed:
            continue
        if version := parse_version(said):
            answers[Path(program)] = version
    return list(answers.items())


def _fetched(old: Path, version: Version) -> Path:
    """The go command of the toolchain in the cache, downloaded by an old one that cannot switch to it by itself."""
    target = cache() / "toolchains" / name(version)
    program = target / "bin" / "go"
    if program.exists():
        return program
    downloads = target.with_name(f"{target.name}.{os.getpid()}")
    settings = {"GOMODCACHE": str(downloads), "GOFLAGS": "-modcacherw", "GO111MODULE": "on", "GOWORK": "off"}
    environment = os.environ | settings
    try:
        with step(f"fetching the toolchain {name(version)}"):
            system = run([old, "env", "GOHOSTOS", "GOHOSTARCH"], environment=environment).split()
            module = f"golang.org/toolchain@v0.0.1-{name(version)}.{'-'.join(system)}"
            command: list[str | Path] = [old, "mod", "download", "-json", module]
            answer = json.loads(run(command, DOWNLOAD_TIMEOUT_SECONDS, Path("/"), environment))
            unpacked = Path(answer["Dir"])
            restore(unpacked)
            unpacked.rename(target)
    except OSError as error:
        if not program.exists():
            raise Failed(f"{target}: {error}") from None
    finally:
        shutil.rmtree(downloads, ignore_errors=True)
    return program


def restore(toolchain: Path) -> None:
    """Undoes what the shape of a module did to the toolchain: a module has no executable files, and no go.mod below its root."""
    for folder in ("bin", "pkg/tool"):
        for file in (toolchain / folder).rglob("*"):
            if file.is_file():
                file.chmod(0o755)
    for file in toolchain.rglob("_go.mod"):
        shutil.copyfile(file, file.with_name("go.mod"))
