"""Which URLs are taken, and that none with a secret in it is."""

from pathlib import Path

import pytest

from offheap.artifacts.location import BadArtifactsUrl, Patience, locate

VARIABLES = ("AZURE_STORAGE_ACCOUNT_NAME", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "GOOGLE_SERVICE_ACCOUNT")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("file:///var/lib/offheap/artifacts", "file:///var/lib/offheap/artifacts/a/b@1.txt"),
        ("file:///var/lib/offheap/artifacts/", "file:///var/lib/offheap/artifacts/a/b@1.txt"),
        ("s3://bucket", "s3://bucket/a/b@1.txt"),
        ("s3://bucket/some/prefix", "s3://bucket/some/prefix/a/b@1.txt"),
        ("gs://bucket/prefix", "gs://bucket/prefix/a/b@1.txt"),
    ],
)
def test_a_url_gives_the_objects_theirs(url: str, uri: str) -> None:
    assert locate(url).uri("a/b@1.txt") == uri


def test_azure_needs_the_name_of_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadArtifactsUrl, match="Account must be specified"):
        locate("az://container/prefix")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "someaccount")
    assert locate("az://container/prefix").uri("x") == "az://container/prefix/x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/lib/offheap",
        "var",
        "file:///",
        "file://host/path",
        "file:relative",
        "file:///a/../../etc",
        "s3://",
        "s3:///prefix",
        "http://somewhere/",
        "ftp://somewhere/",
        "s3://key:secret@bucket/x",
        "az://container?sig=secret",
        "s3://bucket/#x",
        "s3://[::1",
    ],
)
def test_anything_else_is_refused_without_repeating_a_secret(url: str) -> None:
    with pytest.raises(BadArtifactsUrl) as refused:
        locate(url)
    assert "secret" not in str(refused.value)


def test_an_authority_that_cannot_be_read_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(BadArtifactsUrl, match=r"none\.pem"):
        locate("s3://bucket")


def test_a_save_ends_long_before_a_step_counts_as_stuck() -> None:
    patience = Patience()
    assert patience.save_seconds + 2 * patience.operation_seconds < 300
    assert patience.retry_seconds < patience.operation_seconds
