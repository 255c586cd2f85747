"""The key of an image changes with what goes into it, and with nothing else."""

from pathlib import Path

import pytest

from cluster.progress import Failed
from images.build.content import content

DOCKERFILE = """\
FROM debian:trixie-slim AS build
COPY --chown=1:1 requirements.lock \\
     program /src/
ADD *.txt /texts/
FROM debian:trixie-slim
COPY --from=build /elsewhere /src
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "requirements.lock").write_text("kopf")
    (tmp_path / "program" / "deep").mkdir(parents=True)
    (tmp_path / "program" / "deep" / "main.py").write_text("print(1)")
    (tmp_path / "one.txt").write_text("1")
    return tmp_path


def key(context: Path, bases: str = "") -> str:
    return content(context / "Dockerfile", context, bases)


@pytest.mark.parametrize("changed", ["Dockerfile", "requirements.lock", "program/deep/main.py", "one.txt"])
def test_what_is_copied_changes_the_key(context: Path, changed: str) -> None:
    before = key(context)
    file = context / changed
    file.write_text(file.read_text() + "\n# changed")
    assert key(context) != before


@pytest.mark.parametrize("made", ["program/new.py", "two.txt"])
def test_new_files_change_the_key(context: Path, made: str) -> None:
    before = key(context)
    (context / made).touch()
    assert key(context) != before


@pytest.mark.parametrize("made", ["unrelated", "program/__pycache__/main.cpython.pyc", "program/old.pyc"])
def test_other_files_do_not(context: Path, made: str) -> None:
    before = key(context)
    (context / made).parent.mkdir(exist_ok=True)
    (context / made).touch()
    assert key(context) == before


def test_a_file_that_moves_or_becomes_executable_changes_the_key(context: Path) -> None:
    keys = {key(context)}
    main = context / "program" / "deep" / "main.py"
    main.chmod(0o755)
    keys.add(key(context))
    main.rename(context / "program" / "main.py")
    keys.add(key(context))
    assert len(keys) == 3


def test_the_bases_change_the_key(context: Path) -> None:
    assert key(context, "one") != key(context, "two")


def test_the_place_of_the_checkout_does_not(context: Path, tmp_path: Path) -> None:
    before = key(context)
    assert key(context.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))) == before


def test_a_missing_file_is_named(context: Path) -> None:
    (context / "requirements.lock").unlink()
    with pytest.raises(Failed, match=r"copies requirements\.lock, which is not there"):
        key(context)
