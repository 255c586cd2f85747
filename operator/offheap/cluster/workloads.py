"""The target workload: read it, apply our fields to its template, take them away. Never a forced conflict.

An answer that says that the object moved or went away is no problem: the next pass reads it anew and decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubernetes.aio.client.exceptions import (
    ApiException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnprocessableEntityException,
)

from offheap.cluster.client import APPLY_PATCH, JSON_PATCH, Client, is_outdated, said
from offheap.investigation.problems import Problem, apply_conflict, apply_denied
from offheap.investigation.template import (
    FIELD_MANAGER,
    Patch,
    apply_body,
    command_line_patch,
    has_words,
)
from offheap.investigation.workload import Workload, workload

_MANAGER = ("fieldManager", FIELD_MANAGER)


class Workloads:
    """Deployments, StatefulSets, DaemonSets, and Pods that stand for themselves."""

    def __init__(self, client: Client, allocator_image: str = "", pull_policy: str = "IfNotPresent") -> None:
        self._client = client
        self._image = allocator_image
        self._pull_policy = pull_policy

    async def read(self, kind: str, namespace: str, name: str) -> Workload | None:
        """The workload as it is now; None when there is none."""
        try:
            found = await self._client.get(_path(kind, namespace, name))
        except NotFoundException:
            return None
        return workload({**found, "kind": kind})

    async def apply(self, target: Workload, patch: Patch) -> Problem | None:
        """Adds the patch to the template, the command line first where it has to change; a Problem when the apiserver refuses
        it for good."""
        try:
            if not has_words(target.container(patch.container) or {}, patch):
                await self._json_patch(target, command_line_patch(target, patch))
            else:
                await self._apply(target, patch)
        except NotFoundException:
            return None
        except ConflictException as error:
            return None if is_outdated(error) else apply_conflict(said(error))
        except (ForbiddenException, UnprocessableEntityException) as error:
            return None if is_outdated(error) else apply_denied(said(error))
        return None

    async def unapply(self, target: Workload) -> Problem | None:
        """Takes away every field that only we own."""
        return await self._undo(lambda: self._apply(target, None))

    async def remove(self, target: Workload, operations: Sequence[Mapping[str, Any]]) -> Problem | None:
        """Takes away our value where the apiserver does not know it as ours."""
        return await self._undo(lambda: self._json_patch(target, operations))

    async def _undo(self, write: Any) -> Problem | None:
        try:
            await write()
        except NotFoundException:
            return None
        except (ConflictException, ForbiddenException, UnprocessableEntityException) as error:
            return None if is_outdated(error) else _blocked(error)
        return None

    async def _apply(self, target: Workload, patch: Patch | None) -> None:
        path = _path(target.kind, target.namespace, target.name)
        query = (_MANAGER, ("force", "false"))
        body = apply_body(target, patch, self._image, self._pull_policy)
        await self._client.write("PATCH", path, body, query=query, content_type=APPLY_PATCH)

    async def _json_patch(self, target: Workload, operations: Sequence[Mapping[str, Any]]) -> None:
        path = _path(target.kind, target.namespace, target.name)
        body = [dict(one) for one in operations]
        await self._client.write("PATCH", path, body, query=(_MANAGER,), content_type=JSON_PATCH)


def _blocked(error: ApiException) -> Problem:
    return Problem(
        "RestoreBlocked",
        f"the apiserver refuses to take offheap's change away: {said(error)} It is tried again; grant what is missing, or "
        "take the change out by hand.",
    )


def _path(kind: str, namespace: str, name: str) -> str:
    group = "/api/v1" if kind == "Pod" else "/apis/apps/v1"
    return f"{group}/namespaces/{namespace}/{kind.lower()}s/{name}"
