"""Every Dockerfile is an image, and its key can be told without a builder."""

import re
from pathlib import Path

import pytest

from images.build import catalog
from images.build.__main__ import main
from images.build.base import BASE


def test_names_follow_the_folders(tmp_path: Path) -> None:
    for folder in (".", "images/collector", "images/jdk21", "images/jdk8"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "Dockerfile").touch()
    (tmp_path / "images" / "build").mkdir()
    assert set(catalog.dockerfiles(tmp_path)) == {"operator", "collector", "lab-jdk21", "lab-jdk8"}


def test_the_keys_stand_in_one_line_in_the_order_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--keys", "operator", "collector"]) == 0
    assert re.fullmatch(r"operator:[0-9a-f]{16} collector:[0-9a-f]{16}\n", capsys.readouterr().out)


def test_without_names_all_keys_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--keys"]) == 0
    assert {word.partition(":")[0] for word in capsys.readouterr().out.split()} == set(catalog.dockerfiles())


def test_an_unknown_image_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["--keys", "operater"])
    assert refusal.value.code == 2
    assert "no image operater; there are: operator, collector" in capsys.readouterr().err


def test_every_base_image_can_be_made_without_a_registry() -> None:
    for dockerfile in catalog.dockerfiles().values():
        stages: set[str] = set()
        for line in re.findall(r"^FROM (.+)$", dockerfile.read_text(), re.M):
            image, *named = line.split()
            assert image in stages or BASE.fullmatch(image)
            stages.update(named[1:])
