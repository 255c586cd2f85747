"""What every image promises: a numeric user that is not root, no package caches, a named Debian release."""

from pathlib import Path

import pytest

from images.build.catalog import dockerfiles

FILES = dockerfiles()
each_image = pytest.mark.parametrize("dockerfile", FILES.values(), ids=FILES.keys())


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(word, rest) of every instruction; a continued line is one, comments within it are none."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.strip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for line in joined.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]]


def shipped(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of the last stage and of the stages that it starts from; what is only copied from is left out."""
    stages: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions(dockerfile):
        if word == "FROM":
            origin, _, alias = rest.partition(" AS ")
            name = alias or "the last"
            stages[name] = list(stages.get(origin, []))
        stages[name].append((word, rest))
    return stages[name]


@each_image
def test_it_runs_as_a_numeric_user_that_is_not_root(dockerfile: Path) -> None:
    (user,) = [rest for word, rest in shipped(dockerfile) if word == "USER"]
    uid, _, gid = user.partition(":")
    assert int(uid) > 0
    assert int(gid) > 0


@each_image
def test_packages_leave_no_caches(dockerfile: Path) -> None:
    installs = [rest for word, rest in shipped(dockerfile) if word == "RUN" and "apt-get install" in rest]
    assert installs
    for command in installs:
        assert "--no-install-recommends" in command
        assert "rm -rf /var/lib/apt/lists/* /var/cache/apt/*" in command
    everything = [rest for word, rest in instructions(dockerfile) if word == "RUN" and "pip " in rest]
    assert all("--no-cache-dir" in command and "--require-hashes" in command for command in everything)


@each_image
def test_it_starts_from_a_release_of_debian_by_its_name(dockerfile: Path) -> None:
    origins = [rest.split()[0] for word, rest in instructions(dockerfile) if word == "FROM"]
    stages = [rest.partition(" AS ")[2] for word, rest in instructions(dockerfile) if word == "FROM"]
    assert {origin.removesuffix("-slim") for origin in origins if origin not in stages} <= {
        f"debian:{release}" for release in ("bullseye", "bookworm", "trixie", "sid")
    }
