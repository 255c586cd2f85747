"""What the last build of each image needs stays in the builder's store; the rest of ours goes, and nothing of others."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster.progress import Failed
from images.build import leftovers
from images.build.engine import Engine

LOG = """\
[1/2] STEP 1/2: FROM debian:trixie-slim AS build
[1/2] STEP 2/2: RUN make
--> Using cache 9058b7a146795edf32c545a9886433d03e96670cb300da03a116f614dd34d195
--> 9058b7a1467
make: --> 111111111111 is not a step
[2/2] STEP 2/3: COPY --from=build /opt /opt
--> 011fa34670b
Successfully tagged docker.io/offheap/operator:dev
eec577481febb160dfda2c98670b87f24aa11e0c25b7749ea9b4d4eaa87790f0
"""
BUILDAH = Engine("buildah")


@dataclass
class Store:
    """Stands for buildah: images without a name, each with the image that it was made from."""

    parents: dict[str, str | None]
    in_use: set[str] = field(default_factory=set)
    containers: dict[str, str] = field(default_factory=dict)

    def run(self, command: list[str], timeout_seconds: float = 60) -> str:
        match command[1:]:
            case ["images", "--quiet", *_]:
                return "\n".join(image for image in self.parents if image not in self.parents.values())
            case ["rmi", image]:
                if image in self.in_use:
                    raise Failed("image is in use by a container")
                del self.parents[image]
                return image
            case ["containers", *_]:
                rows = [f'{{"id": "{name}", "imageid": "{image}"}}' for name, image in self.containers.items()]
                return f"[{', '.join(rows)}]" if rows else "null"
            case ["rm", container]:
                del self.containers[container]
                return container
        raise AssertionError(command)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "image-operator.log"
    file.write_text(LOG)
    return file


def store(monkeypatch: pytest.MonkeyPatch, parents: dict[str, str | None]) -> Store:
    made = Store(parents)
    monkeypatch.setattr(leftovers, "run", made.run)
    return made


def test_the_steps_of_a_build_are_read_from_its_log() -> None:
    assert leftovers.steps(LOG) == {"9058b7a1467", "011fa34670b"}


def test_outdated_steps_go_down_to_those_still_needed(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    needed = {"9058b7a14679": None, "011fa34670be": "9058b7a14679"}
    kept = store(monkeypatch, needed | {"aaaaaaaaaaaa": "9058b7a14679", "bbbbbbbbbbbb": "aaaaaaaaaaaa"})
    leftovers.prune(BUILDAH, [log])
    assert kept.parents == needed


def test_what_is_in_use_stays_and_ends_nothing(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    kept = store(monkeypatch, {"aaaaaaaaaaaa": None, "bbbbbbbbbbbb": None})
    kept.in_use = {"aaaaaaaaaaaa"}
    leftovers.prune(BUILDAH, [log])
    assert set(kept.parents) == {"aaaaaaaaaaaa"}


def test_a_broken_build_leaves_no_container_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store(monkeypatch, {})
    kept.containers = {"before": "ours"}
    monkeypatch.setattr(Engine, "label", lambda self, image: "key" if image == "ours" else None)

    def broken_build() -> None:
        with leftovers.no_containers_left(BUILDAH):
            kept.containers |= {"step": "ours", "of-somebody-else": "theirs"}
            raise Failed("broken")

    with pytest.raises(Failed, match="broken"):
        broken_build()
    assert set(kept.containers) == {"before", "of-somebody-else"}
