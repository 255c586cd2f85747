"""One S3 server for all tests of this folder, a bucket for each."""

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.artifacts.server import Server, serving

_NUMBERS = itertools.count(1)
_CLOUD = ("AWS_", "AZURE_", "GOOGLE_", "SSL_CERT_FILE")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("s3") / "plain") as one:
        yield one


@pytest.fixture(scope="session")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("s3") / "secure", tls=True) as one:
        yield one


@pytest.fixture
def bucket(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a new, empty bucket, with the environment that leads to it."""
    return empty_bucket(server, monkeypatch)


def empty_bucket(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in list(os.environ):
        if name.startswith(_CLOUD):
            monkeypatch.delenv(name)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{next(_NUMBERS)}"
    (server.root / name).mkdir()
    return name
