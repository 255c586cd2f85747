"""A build gets the settings of this machine's package clients, where there are any, and nothing of them stays in the image."""

from pathlib import Path

import pytest

from images.build import engine
from images.build.engine import Engine


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the last build that was asked for."""
    words: list[str] = []
    monkeypatch.setattr(engine, "run_logged", lambda argv, *_: words.extend(map(str, argv)))
    return words


def build(tmp_path: Path, builder: str = "buildah") -> None:
    Engine(builder).build("image", tmp_path / "Dockerfile", tmp_path, "content", tmp_path / "log", tmp_path)


def test_maven_takes_the_certificates_and_the_settings_that_this_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    store, settings = tmp_path / "cacerts", tmp_path / "settings.xml"
    store.touch()
    settings.touch()
    monkeypatch.setattr(engine, "JAVA_CERTIFICATES", store)
    monkeypatch.setattr(engine, "MAVEN_SETTINGS", (tmp_path / "absent.xml", settings))
    build(tmp_path)
    assert f"--volume={store}:/run/build-certificates.jks:ro" in command
    assert f"--volume={tmp_path}/mavenrc:/etc/mavenrc:ro" in command
    assert "trustStore=/run/build-certificates.jks" in (tmp_path / "mavenrc").read_text()
    assert f"--volume={settings}:/root/.m2/settings.xml:ro" in command


def test_a_machine_without_any_lends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    absent = tmp_path / "absent"
    monkeypatch.setattr(engine, "CERTIFICATES", absent)
    monkeypatch.setattr(engine, "JAVA_CERTIFICATES", absent)
    monkeypatch.setattr(engine, "MAVEN_SETTINGS", (absent,))
    build(tmp_path)
    assert not [word for word in command if word.startswith("--volume")]


def test_docker_mounts_nothing_into_a_build(tmp_path: Path, command: list[str]) -> None:
    build(tmp_path, "docker")
    assert command[:2] == ["docker", "build"]
    assert not [word for word in command if word.startswith("--volume")]
