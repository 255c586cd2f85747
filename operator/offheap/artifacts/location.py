"""Where the artifacts lie: one URL of the deployment. Credentials and endpoints come from the libraries' usual environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import certifi
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore

_BUCKETS = ("s3", "gs", "az")
_PLAIN = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
_YES = ("1", "true", "yes", "on")


class BadArtifactsUrl(ValueError):  # noqa: N818 - "BadArtifactsUrl" reads as what it means
    """The URL, or what the environment says beside it, is not one of a store. The message says what to write."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the store is waited for. One save must stay far below the five minutes at which a step counts as stuck."""

    connect_seconds: float = 5.0
    request_seconds: float = 20.0
    retry_seconds: float = 30.0
    operation_seconds: float = 60.0
    """One object with all its retries; a hanging file system has no other bound."""
    save_seconds: float = 120.0
    sweep_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Location:
    """A checked URL without a slash at its end. It never holds a secret, so it may be shown."""

    url: str
    scheme: str

    @property
    def directory(self) -> Path | None:
        """Of a ``file://`` URL."""
        return Path(self.url.removeprefix("file://")) if self.scheme == "file" else None

    def uri(self, path: str) -> str:
        """The URL of one object."""
        return f"{self.url}/{quote(path, safe='/@+')}" if self.scheme != "file" else f"{self.url}/{path}"

    def connect(self, patience: Patience) -> ObjectStore:
        """A client for it; of a directory, which is made. No request is sent yet. Raises what obstore raises."""
        if self.scheme == "memory":
            return MemoryStore()
        if self.directory is not None:
            return LocalStore(self.directory, automatic_cleanup=True, mkdir=True)
        authority = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        try:
            return self._bucket(patience, authority)
        except BaseError as error:
            if authority or "No CA certificates" not in str(error):
                raise
            # A slim image has none, and the library then makes no client at all, not even for plain HTTP.
            return self._bucket(patience, certifi.where())

    def _bucket(self, patience: Patience, authority: str | None) -> ObjectStore:
        return from_url(
            self.url,
            client_options=_client_options(patience, authority),
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=patience.retry_seconds)},
        )


def locate(url: str) -> Location:
    """``file:///directory``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.

    Raises BadArtifactsUrl for anything else, for a URL with credentials in it, and where the environment lacks what the
    kind of store cannot do without.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadArtifactsUrl(f"not a URL: {error}") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadArtifactsUrl("the URL has no room for credentials or options: set them as environment variables")
    location = Location(url.rstrip("/"), parts.scheme)
    if parts.scheme == "memory":
        return location
    if parts.scheme == "file":
        if (
            parts.netloc
            or not parts.path.startswith("/")
            or ".." in Path(parts.path).parts
            or parts.path.strip("/") == ""
        ):
            raise BadArtifactsUrl(f"{url!r}: write file:///an/absolute/directory")
        return location
    if parts.scheme not in _BUCKETS or not parts.netloc:
        raise BadArtifactsUrl(
            f"{url!r}: write file:///directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    try:
        location.connect(Patience())
    except (BaseError, OSError, ValueError) as error:
        raise BadArtifactsUrl(f"{location.url}: {str(error).partition(chr(10))[0]}") from None
    return location


def _client_options(patience: Patience, authority: str | None) -> ClientConfig:
    """These replace what obstore would read from the environment, so the variables that matter are read here."""
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=patience.connect_seconds),
        "timeout": timedelta(seconds=patience.request_seconds),
        "allow_http": any(os.environ.get(name, "").lower() in _YES for name in _PLAIN),
    }
    if authority:
        options["root_certificate"] = Path(authority).read_bytes()
    return options
