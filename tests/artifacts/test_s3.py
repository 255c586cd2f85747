"""The store against a real S3 server: what is there, and what is said when it refuses, is away or does not answer."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from offheap.artifacts.files import File
from offheap.artifacts.location import Patience
from offheap.artifacts.manifest import About, Key
from offheap.artifacts.store import Kept, Store, open_store
from offheap.investigation.problems import Problem
from tests.artifacts.conftest import empty_bucket
from tests.artifacts.relay import NEVER, Relay
from tests.artifacts.server import SECRET_KEY, Server

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = Key("shop", "orders", "6f1c2a34-0000-4000-8000-000000000001")
FOLDER = "shop/orders/6f1c2a34-0000-4000-8000-000000000001"
SHORT = Patience(connect_seconds=1, request_seconds=1, retry_seconds=1.5, operation_seconds=6, save_seconds=8)
FILES = [
    File("collector-sample-orders-0.ndjson.gz", "stream", os.urandom(11 << 20)),
    File("nmt/summary.diff@12.txt", "text", b"Total: reserved=1KB", "nmt/summary.diff@12"),
    File("perf/a+b=c&d?e#f %41@1.txt", "text", b"a name of the target's choice"),
]


async def save(store: Store, files: list[File] = FILES, key: Key = KEY, budget: int = 64 << 20) -> Kept:
    return await store.save(key, files, About(), budget_bytes=budget, now=NOW)


def lies(root: Path) -> dict[str, bytes]:
    """Every object of a bucket, as the server keeps it on its disk."""
    files = (file for file in root.rglob("*") if file.is_file() and ".sgwtmp" not in file.parts)
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def says(problem: Problem | None) -> str:
    assert problem is not None
    assert SECRET_KEY not in problem.message
    assert len(problem.message) < 500, problem.message
    return problem.message


def why(problem: Problem | None) -> str:
    assert says(problem)
    return problem.reason if problem else ""


async def test_files_come_to_lie_in_the_bucket_as_the_manifest_says(server: Server, bucket: str) -> None:
    kept = await save(open_store(f"s3://{bucket}/some/prefix", ttl=7 * DAY))
    assert kept.problem is None
    there = lies(server.root / bucket)
    assert set(there) == {one.uri.removeprefix(f"s3://{bucket}/") for one in kept.saved}
    assert set(there) == {f"some/prefix/{FOLDER}/{one.id}" for one in kept.saved}
    document = json.loads(there[f"some/prefix/{FOLDER}/manifest.json"])
    assert document["expires"] == "2026-05-11T03:02:01Z"
    for row in document["files"]:
        data = there[f"some/prefix/{FOLDER}/{row['name']}"]
        assert (row["size_bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


async def test_the_same_again_answers_the_same_and_sends_no_file_twice(server: Server, bucket: str) -> None:
    first = await save(open_store(f"s3://{bucket}"))
    large = server.root / bucket / FOLDER / FILES[0].name
    written = large.stat().st_mtime_ns
    assert await save(open_store(f"s3://{bucket}")) == first, "by an operator that was started anew"
    assert large.stat().st_mtime_ns == written


async def test_the_budget_holds(server: Server, bucket: str) -> None:
    kept = await save(open_store(f"s3://{bucket}"), budget=1 << 20)
    assert [one.name for one in kept.dropped] == [FILES[0].name]
    sizes = [len(data) for name, data in lies(server.root / bucket).items() if not name.endswith("manifest.json")]
    assert sum(sizes) <= 1 << 20
    assert len(sizes) == 2


async def test_delete_and_sweep_take_what_is_theirs_and_leave_the_rest(server: Server, bucket: str) -> None:
    store = open_store(f"s3://{bucket}", ttl=DAY)
    foreign = server.root / bucket / "somebody/else/has/this"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("here")
    for uid in ("one", "two"):
        await save(store, key=replace(KEY, uid=uid))
    assert await store.delete(replace(KEY, uid="one")) is None
    assert {name.split("/")[2] for name in lies(server.root / bucket)} == {"has", "two"}
    assert (await store.sweep(NOW)).kept == 1
    swept = await store.sweep(NOW + DAY)
    assert (swept.removed, swept.problem) == (1, None)
    assert set(lies(server.root / bucket)) == {"somebody/else/has/this"}


async def test_more_objects_than_one_page_of_a_listing(server: Server, bucket: str) -> None:
    store = open_store(f"s3://{bucket}", ttl=DAY)
    await save(store, [File(f"smaps/smaps@{n}.txt", "text", b"x") for n in range(1200)])
    assert len(lies(server.root / bucket)) == 1201
    assert await store.delete(KEY) is None
    assert lies(server.root / bucket) == {}


async def test_an_authority_of_the_own_is_trusted_when_told_and_only_then(
    secure_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = empty_bucket(secure_server, monkeypatch)
    assert (await save(open_store(f"s3://{bucket}"), FILES[1:])).problem is None
    monkeypatch.delenv("AWS_CA_BUNDLE")
    refused = await save(open_store(f"s3://{bucket}", patience=SHORT), FILES[1:])
    assert why(refused.problem) == "ArtifactStoreUnreachable"
    assert "its certificate is not trusted" in says(refused.problem)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
async def test_wrong_credentials(server: Server, bucket: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "wrong")
    store = open_store(f"s3://{bucket}")
    kept = await save(store)
    assert why(kept.problem) == "ArtifactStoreDenied"
    assert kept.saved == ()
    assert len(kept.dropped) == len(FILES)
    assert why((await store.sweep(NOW)).problem) == "ArtifactStoreDenied"
    assert why(await store.delete(KEY)) == "ArtifactStoreDenied"
    assert lies(server.root / bucket) == {}


async def test_a_bucket_that_is_not_there(bucket: str) -> None:
    store = open_store("s3://no-such-bucket/x")
    assert why((await save(store)).problem) == "ArtifactBucketMissing"
    assert why((await store.sweep(NOW)).problem) == "ArtifactBucketMissing"
    assert why(await store.delete(KEY)) == "ArtifactBucketMissing"


async def test_a_server_that_is_down(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        store = open_store(f"s3://{bucket}", patience=SHORT)
        assert why((await save(store)).problem) == "ArtifactStoreUnreachable"
        assert why((await store.sweep(NOW)).problem) == "ArtifactStoreUnreachable"


async def test_plain_http_must_be_allowed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    kept = await save(open_store(f"s3://{bucket}", patience=SHORT))
    assert why(kept.problem) == "ArtifactStoreUnreachable"
    assert "AWS_ALLOW_HTTP=true" in says(kept.problem)


@pytest.fixture
def relay(server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with Relay(server.endpoint).open() as one:
        monkeypatch.setenv("AWS_ENDPOINT", one.endpoint)
        yield one


async def test_a_server_that_never_answers(relay: Relay, bucket: str) -> None:
    relay.method, relay.after = b"GET", 0
    store = open_store(f"s3://{bucket}", patience=SHORT)
    assert why((await save(store)).problem) == "ArtifactStoreSlow"
    assert why((await store.sweep(NOW)).problem) == "ArtifactStoreSlow"


SMALL = [File(f"nmt/summary@{n}.txt", "text", b"x") for n in range(5)]


@pytest.mark.parametrize("then", ["hang", "cut"])
async def test_a_server_that_goes_away_in_the_middle(
    relay: Relay, server: Server, bucket: str, then: Literal["hang", "cut"]
) -> None:
    """The marker and two files went through; then nothing does any more."""
    relay.after, relay.then = 3, then
    kept = await save(open_store(f"s3://{bucket}", patience=SHORT), SMALL)
    assert why(kept.problem) == {"hang": "ArtifactStoreSlow", "cut": "ArtifactStoreUnreachable"}[then]
    assert kept.saved == ()
    assert set(lies(server.root / bucket)) == {
        f"{FOLDER}/{name}" for name in ("begun.json", "nmt/summary@0.txt", "nmt/summary@1.txt")
    }

    relay.after = NEVER
    store = open_store(f"s3://{bucket}", ttl=7 * DAY)
    again = await save(store, SMALL)
    assert again.problem is None, "the next pass mends it"
    assert len(lies(server.root / bucket)) == len(again.saved) == 6
    assert (await store.sweep(NOW + 2 * DAY)).kept == 1


async def test_what_was_cut_short_and_never_mended_is_swept_after_a_day(
    relay: Relay, server: Server, bucket: str
) -> None:
    relay.after, relay.then = 3, "cut"
    await save(open_store(f"s3://{bucket}", patience=SHORT), SMALL)
    relay.after = NEVER
    store = open_store(f"s3://{bucket}", ttl=7 * DAY)
    assert (await store.sweep(NOW + DAY / 2)).removed == 0
    assert (await store.sweep(NOW + DAY)).removed == 1
    assert lies(server.root / bucket) == {}


async def test_a_server_that_stumbles_once_is_tried_again(relay: Relay, bucket: str) -> None:
    relay.after, relay.then = 1, "cut once"
    kept = await save(open_store(f"s3://{bucket}"), SMALL)
    assert relay.after == NEVER, "it had stumbled"
    assert kept.problem is None
    assert len(kept.saved) == 6
