"""The only room that speaks to Kubernetes: raw JSON over ``kubernetes.aio``, one module an object that we read or change."""

from kubernetes.aio.client.exceptions import ConflictException


def retryable() -> tuple[type[Exception], ...]:
    """Errors that mean: somebody wrote first, read again."""
    return (ConflictException,)
