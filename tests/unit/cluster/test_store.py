"""An image's name is completed as containerd and the kubelet complete it."""

import pytest

from cluster.store import qualified


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("offheap/operator:dev", "docker.io/offheap/operator:dev"),
        ("offheap/operator", "docker.io/offheap/operator:latest"),
        ("docker.io/offheap/operator:dev", "docker.io/offheap/operator:dev"),
        ("localhost/thing", "localhost/thing:latest"),
        ("registry.example:5000/a/b", "registry.example:5000/a/b:latest"),
        ("registry.example/a@sha256:00", "registry.example/a@sha256:00"),
    ],
)
def test_completed_names(given: str, completed: str) -> None:
    assert qualified(given) == completed
    assert qualified(completed) == completed
