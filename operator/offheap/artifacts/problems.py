"""Why artifacts are not stored, as values: the diagnosis goes on without them.

What the libraries and servers say is long, and holds pieces of a request's signature: of it only the server's own code and
sentence, or the system's error, is passed on.
"""

from __future__ import annotations

import re

from offheap.api.quantity import format_bytes
from offheap.investigation.problems import Problem

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_SENTENCE = re.compile(r"<Message>([^<]{1,200})")
_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]{1,40})")
_SYSTEM = re.compile(r"([A-Z][A-Za-z ,'-]{2,60} \(os error (\d{1,3})\))")
_OTHER_DETAIL = 160
_LATE = "time out"
_NO_ANSWER = (
    ("kind: Timeout", _LATE),
    ("TimedOut", _LATE),
    ("BadScheme", "its endpoint is plain HTTP, which only AWS_ALLOW_HTTP=true allows"),
    ("invalid peer certificate", "its certificate is not trusted"),
    ("InvalidCertificate", "its certificate is not trusted"),
    ("failed to lookup", "its name cannot be resolved"),
    ("kind: Connect", "no connection"),
    ("error sending request", "the connection broke"),
)
"""The first that fits: the libraries say several of them at a time."""

_DENIED = {
    "AccessDenied",
    "AccountProblem",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NoAuthenticationInformation",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "XAdminUserNotFound",
}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"}
_FULL = {"QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull", "ServerOutOfCapacity"}
_SYSTEM_DENIED = {1, 13, 30}
"""EPERM, EACCES, EROFS."""
_SYSTEM_FULL = {27, 28, 122}
"""EFBIG, ENOSPC, EDQUOT."""


def store_denied(where: str, detail: str) -> Problem:
    """Credentials are missing, wrong or lack a right; of a directory: its owner or mount does not allow writing."""
    return Problem(
        "ArtifactStoreDenied",
        f"artifacts were not stored: {where} refused ({detail}). Give the operator credentials that may list, read, write and "
        "delete below that URL; of a directory, a volume that its user 65532 may write to.",
    )


def bucket_missing(where: str, detail: str) -> Problem:
    """The bucket, the container, or the mounted directory is not there."""
    return Problem(
        "ArtifactBucketMissing",
        f"artifacts were not stored: {where} does not exist ({detail}). Create it, or correct --artifacts-url.",
    )


def store_unreachable(where: str, detail: str) -> Problem:
    """No connection: DNS, a wrong endpoint, a network policy, TLS, or a server that is down."""
    return Problem(
        "ArtifactStoreUnreachable",
        f"artifacts were not stored: {where} cannot be reached ({detail}). See that the endpoint is right and up, that its "
        "certificate is trusted, and that the operator's NetworkPolicy lets it through.",
    )


def store_slow(where: str, detail: str) -> Problem:
    """The server took the connection and then did not answer in time."""
    return Problem(
        "ArtifactStoreSlow",
        f"artifacts were not stored: {where} did not answer in time ({detail}). See what slows it, or lower "
        "spec.budget.artifacts.",
    )


def store_full(where: str, detail: str) -> Problem:
    """No room left, in the volume or below what --artifacts-capacity grants."""
    return Problem(
        "ArtifactStoreFull",
        f"artifacts were not stored, or not all: {where} is full ({detail}). Give it more room, shorten --artifacts-ttl, or keep "
        "them in a bucket.",
    )


def store_failed(where: str, detail: str) -> Problem:
    """Anything else that a store answers."""
    return Problem(
        "ArtifactStoreFailed",
        f"artifacts were not stored: {where} failed ({detail}). See the store's own log; the diagnosis is not touched by "
        "it.",
    )


def over_capacity(where: str, capacity_bytes: int) -> Problem:
    """Our own limit, below that of the volume: a pod that fills its emptyDir is evicted."""
    return store_full(where, f"--artifacts-capacity is {format_bytes(capacity_bytes)}")


def problem_of(error: BaseException, where: str) -> Problem:
    """What went wrong, in words that say what to do. ``where`` is the store's URL."""
    text = str(error)
    code, detail = _code(text), _detail(error, text)
    system = _SYSTEM.search(text)
    errno = int(system[2]) if system else None
    if isinstance(error, TimeoutError) or _broken(text) == _LATE:
        return store_slow(where, detail)
    if code in _FULL or errno in _SYSTEM_FULL:
        return store_full(where, detail)
    if code in _DENIED or errno in _SYSTEM_DENIED or _is_refusal(error, text):
        return store_denied(where, detail)
    if code in _NO_BUCKET or isinstance(error, FileNotFoundError) or "canonicalize filesystem root" in text:
        return bucket_missing(where, detail)
    if _broken(text):
        return store_unreachable(where, detail)
    return store_failed(where, detail)


def _broken(text: str) -> str:
    """Why no answer came over the network; empty where one came."""
    return next((words for sign, words in _NO_ANSWER if sign in text), "")


def _is_refusal(error: BaseException, text: str) -> bool:
    name = type(error).__name__
    return name in ("PermissionDeniedError", "UnauthenticatedError") or bool(re.search(r"status code: 40[13] ", text))


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


def _detail(error: BaseException, text: str) -> str:
    sentence, system, status = _SENTENCE.search(text), _SYSTEM.search(text), _STATUS.search(text)
    code = _code(text)
    if code:
        return f"{code}: {sentence[1].strip()}" if sentence else code
    if system:
        return system[1]
    if status:
        return status[1].strip()
    if isinstance(error, TimeoutError) and not text:
        return _LATE
    if broken := _broken(text):
        return broken
    first = re.sub(r"\?\S*", "", text.partition("\n")[0])
    return f"{type(error).__name__}: {first[:_OTHER_DETAIL]}"
