"""The store of artifacts: a folder an investigation, its manifest last, nothing half-written taken for whole.

Layout: ``<namespace>/<name>/<uid>/<file>`` and ``…/manifest.json``. Every object is written atomically by the library, which
also retries. A store that fails is a `Problem`, never an exception: a diagnosis does not hang on where its bulk is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from offheap.api.quantity import format_bytes
from offheap.artifacts.files import File
from offheap.artifacts.location import Location, Patience, locate
from offheap.artifacts.manifest import (
    About,
    Dropped,
    Entry,
    Key,
    Manifest,
    joined,
    merged,
    read_manifest,
    write_manifest,
)
from offheap.artifacts.names import BEGUN, MANIFEST, path, word
from offheap.artifacts.problems import over_capacity, problem_of
from offheap.investigation.problems import Problem

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

log = logging.getLogger("offheap.artifacts")

FAILURES = (BaseError, OSError, ValueError)
"""What obstore raises; TimeoutError is an OSError."""

_BEGUN_FOR = timedelta(days=1)
"""A save that has not ended by then never will."""
_AT_A_TIME = 2
"""Parts of one upload in flight, each of 5 MiB: the operator has little memory."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One object as it lies in the store; ``id`` is its name below the investigation's folder."""

    id: str
    kind: str
    uri: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a save came to: the manifest first, then the files. ``problem`` may stand beside files that were stored before
    it came up; without any stored file, nothing is there."""

    saved: tuple[Saved, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed and what it left, as far as it is ours."""

    removed: int = 0
    kept: int = 0
    kept_bytes: int = 0
    problem: Problem | None = None


class Store:
    """Artifacts at one location. ``ttl`` None: kept for ever. ``capacity_bytes`` bounds all of them together where they lie
    in a directory; a bucket has bounds of its own, and is not listed for each save."""

    def __init__(
        self,
        location: Location,
        *,
        ttl: timedelta | None = None,
        capacity_bytes: int | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.location = location
        self._ttl = ttl
        self._capacity_bytes = capacity_bytes if location.scheme == "file" else None
        self._patience = patience or Patience()
        self._client: ObjectStore | None = None
        self._expiries: dict[tuple[str, datetime, int], Manifest | None] = {}

    async def save(self, key: Key, files: Sequence[File], about: About, *, budget_bytes: int, now: datetime) -> Kept:
        """Stores the files, the first ones first, as far as the budget goes; the rest is told in the manifest.

        Saying it again with the same files changes nothing and answers the same; saying it with others adds to them.
        """
        folder, until = _folder(key), time.monotonic() + self._patience.save_seconds
        digested = await asyncio.to_thread(_entries, files)
        try:
            before = await self._manifest(f"{folder}/{MANIFEST}")
            room = await self._room(folder)
            if before is None:
                begun = Manifest(key, now, now + _BEGUN_FOR)
                await self._put(f"{folder}/{BEGUN}", write_manifest(begun), until)
        except FAILURES as error:
            return self._nothing(digested, self._problem(error))

        known = before.files if before else ()
        fits, dropped = _within(digested, known, budget_bytes, room)
        problem: Problem | None = (
            over_capacity(self.location.url, self._capacity_bytes or 0) if any(_is_full(d) for d in dropped) else None
        )
        stored: list[Entry] = []
        for file, entry in fits:
            try:
                if entry not in known:
                    await self._put(f"{folder}/{entry.name}", file.data, until)
            except FAILURES as error:
                problem = self._problem(error)
                dropped.extend(_lost(fits[len(stored) :], problem))
                break
            stored.append(entry)
        if problem is not None and not stored and not known:
            return Kept((), tuple(dropped), problem)
        listed = merged(stored, known)
        names = {entry.name for entry in listed} | {one.name for one in dropped}
        manifest = Manifest(
            key,
            before.created if before else now,
            # Counted from the last file: a long investigation saves after each of its stages.
            before.expires if before and set(listed) == set(known) else self._expires(now),
            joined(about, before.about) if before else about,
            listed,
            (*(one for one in before.dropped if one.name not in names), *dropped) if before else tuple(dropped),
        )
        return await self._finish(folder, manifest, problem)

    def _nothing(self, files: Iterable[tuple[File, Entry]], problem: Problem) -> Kept:
        return Kept((), tuple(_lost(files, problem)), problem)

    async def _finish(self, folder: str, manifest: Manifest, problem: Problem | None) -> Kept:
        """The manifest, with time of its own: the files are there."""
        data = write_manifest(manifest)
        try:
            await self._put(f"{folder}/{MANIFEST}", data, time.monotonic() + self._patience.operation_seconds)
            await self._remove([f"{folder}/{BEGUN}"])
        except FAILURES as error:
            return Kept((), manifest.dropped, self._problem(error))
        whole = Entry(MANIFEST, "manifest", len(data), hashlib.sha256(data).hexdigest())
        saved = (
            Saved(one.name, one.kind, self.location.uri(f"{folder}/{one.name}"), one.size_bytes, one.sha256)
            for one in (whole, *manifest.files)
        )
        return Kept(tuple(saved), manifest.dropped, problem)

    async def load(self, key: Key, name: str) -> bytes | None:
        """One file as it was saved; None when it is not there, or the store does not answer."""
        try:
            async with asyncio.timeout(self._patience.operation_seconds):
                answer = await obstore.get_async(self._objects(), f"{_folder(key)}/{path(name)}")
                return bytes(await answer.bytes_async())
        except FileNotFoundError:
            return None
        except FAILURES as error:
            self._problem(error)
            return None

    async def delete(self, key: Key) -> Problem | None:
        """Removes all that is kept of this investigation; fine where nothing is."""
        try:
            await self._clear(_folder(key))
        except FAILURES as error:
            return self._problem(error)
        return None

    async def sweep(self, now: datetime) -> Swept:
        """Removes what has expired, and what a save of an operator that was killed has left half-written.

        Only folders with a manifest or a marker of ours that names this very folder: a bucket may be shared.
        """
        removed, kept, kept_bytes = 0, 0, 0
        problem: Problem | None = None
        seen: dict[tuple[str, datetime, int], Manifest | None] = {}
        try:
            async with asyncio.timeout(self._patience.sweep_seconds):
                for folder, objects in (await self._folders()).items():
                    manifest = await self._whose(objects, seen)
                    if manifest is None or _folder(manifest.key) != folder:
                        continue
                    if manifest.expires is None or manifest.expires > now:
                        kept, kept_bytes = kept + 1, kept_bytes + sum(one["size"] for one in objects)
                        continue
                    try:
                        await self._clear(folder)
                        removed += 1
                    except FAILURES as error:
                        problem = self._problem(error)
        except FAILURES as error:
            problem = self._problem(error)
        self._expiries = seen
        return Swept(removed, kept, kept_bytes, problem)

    async def _folders(self) -> dict[str, list[ObjectMeta]]:
        folders: dict[str, list[ObjectMeta]] = {}
        async for one in self._list(None):
            parts = one["path"].split("/")
            if len(parts) > 3:
                folders.setdefault("/".join(parts[:3]), []).append(one)
        return folders

    async def _whose(
        self, objects: Iterable[ObjectMeta], seen: dict[tuple[str, datetime, int], Manifest | None]
    ) -> Manifest | None:
        """The folder's manifest, else its marker; read once, as long as the object stays the same."""
        found = {one["path"].split("/", 3)[3]: one for one in objects}
        one = found.get(MANIFEST) or found.get(BEGUN)
        if one is None:
            return None
        version = one["path"], one["last_modified"], one["size"]
        known = version in self._expiries
        seen[version] = self._expiries[version] if known else await self._manifest(one["path"])
        return seen[version]

    async def _manifest(self, at: str) -> Manifest | None:
        try:
            async with asyncio.timeout(self._patience.operation_seconds):
                answer = await obstore.get_async(self._objects(), at)
                return read_manifest(bytes(await answer.bytes_async()))
        except FileNotFoundError:
            return None

    async def _room(self, folder: str) -> int | None:
        """Bytes that all other investigations leave to this one; None: as many as it likes."""
        if self._capacity_bytes is None:
            return None
        async with asyncio.timeout(self._patience.operation_seconds):
            used = sum([one["size"] async for one in self._list(None) if not one["path"].startswith(f"{folder}/")])
        return max(0, self._capacity_bytes - used)

    async def _put(self, at: str, data: bytes, until: float) -> None:
        left = max(0.1, min(self._patience.operation_seconds, until - time.monotonic()))
        async with asyncio.timeout(left):
            await obstore.put_async(self._objects(), at, data, max_concurrency=_AT_A_TIME)

    async def _clear(self, folder: str) -> None:
        """The manifest last: where this is cut short, the next sweep still knows whose the rest is."""
        async with asyncio.timeout(self._patience.save_seconds):
            paths = [one["path"] async for one in self._list(folder)]
            last = [f"{folder}/{name}" for name in (BEGUN, MANIFEST)]
            await self._remove([at for at in paths if at not in last])
            for at in last:
                await self._remove([at] if at in paths else [])

    async def _remove(self, paths: Sequence[str]) -> None:
        if not paths:
            return
        try:
            await obstore.delete_async(self._objects(), paths)
        except FileNotFoundError:
            for at in paths:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._objects(), at)

    async def _list(self, folder: str | None) -> AsyncIterator[ObjectMeta]:
        async for chunk in obstore.list(self._objects(), folder, chunk_size=1000):
            for one in chunk:
                yield one

    def _objects(self) -> ObjectStore:
        """Connected when first needed: a volume that is not mounted yet may be there later."""
        if self._client is None:
            self._client = self.location.connect(self._patience)
        return self._client

    def _expires(self, now: datetime) -> datetime | None:
        return now + self._ttl if self._ttl else None

    def _problem(self, error: BaseException) -> Problem:
        problem = problem_of(error, self.location.url)
        log.warning("%s: %s", problem.reason, problem.message)
        return problem


def open_store(
    url: str, *, ttl: timedelta | None = None, capacity_bytes: int | None = None, patience: Patience | None = None
) -> Store:
    """The store at this URL. Raises BadArtifactsUrl; sends no request."""
    return Store(locate(url), ttl=ttl, capacity_bytes=capacity_bytes, patience=patience)


def _folder(key: Key) -> str:
    return "/".join(word(part) for part in (key.namespace, key.name, key.uid))


def _entries(files: Sequence[File]) -> list[tuple[File, Entry]]:
    """Of two files with one name the first counts: it is the more valuable one."""
    found: dict[str, tuple[File, Entry]] = {}
    for file in files:
        name = path(file.name)
        digest = hashlib.sha256(file.data).hexdigest()
        found.setdefault(name, (file, Entry(name, file.kind, len(file.data), digest, file.source)))
    return list(found.values())


_FULL = "the store is full"


def _is_full(dropped: Dropped) -> bool:
    return dropped.reason == _FULL


def _within(
    files: Sequence[tuple[File, Entry]], known: Sequence[Entry], budget_bytes: int, room_bytes: int | None
) -> tuple[list[tuple[File, Entry]], list[Dropped]]:
    """Which files fit, in their order, beside what is stored already; a small one may still fit after a large one did not."""
    used = {entry.name: entry.size_bytes for entry in known}
    fits: list[tuple[File, Entry]] = []
    dropped: list[Dropped] = []
    for file, entry in files:
        total = sum(used.values()) - used.get(entry.name, 0) + entry.size_bytes
        if total > budget_bytes:
            reason = f"over spec.budget.artifacts ({format_bytes(budget_bytes)})"
        elif room_bytes is not None and total > room_bytes:
            reason = _FULL
        else:
            used[entry.name] = entry.size_bytes
            fits.append((file, entry))
            continue
        dropped.append(Dropped(entry.name, entry.kind, entry.size_bytes, reason))
    return fits, dropped


def _lost(files: Iterable[tuple[File, Entry]], problem: Problem) -> Iterable[Dropped]:
    for _, entry in files:
        yield Dropped(entry.name, entry.kind, entry.size_bytes, problem.message)
