"""The store in a directory and in memory: what is there afterwards, and what never happens to a diagnosis."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offheap.artifacts.files import File
from offheap.artifacts.location import Patience
from offheap.artifacts.manifest import About, Key, Pod, StreamNote
from offheap.artifacts.store import Kept, Store, open_store

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = Key("shop", "orders", "6f1c2a34-0000-4000-8000-000000000001")
FOLDER = "shop/orders/6f1c2a34-0000-4000-8000-000000000001"
FILES = [
    File("collector-sample-orders-0.ndjson.gz", "stream", b"s" * 300),
    File("nmt/summary@3.txt", "text", b"t" * 200, "nmt/summary@3"),
    File("jemalloc/jeprof.1.0.i0.heap", "jemalloc-heap", b"h" * 100),
]
ABOUT = About((Pod("orders-0", "u1"),))


async def save(
    store: Store, files: list[File] = FILES, key: Key = KEY, budget: int = 1 << 20, now: datetime = NOW
) -> Kept:
    return await store.save(key, files, ABOUT, budget_bytes=budget, now=now)


def found(root: Path) -> list[str]:
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def content(file: Path) -> bytes:
    return file.read_bytes()


def manifest(root: Path, folder: str = FOLDER) -> dict[str, object]:
    document = json.loads((root / folder / "manifest.json").read_text())
    assert isinstance(document, dict)
    return document


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def store(root: Path) -> Store:
    return open_store(f"file://{root}", ttl=7 * DAY)


async def test_every_file_is_there_with_its_size_and_sum(store: Store, root: Path) -> None:
    kept = await save(store)
    assert kept.problem is None
    assert [one.id for one in kept.saved] == ["manifest.json", *(file.name for file in FILES)]
    for one in kept.saved:
        assert one.uri == f"file://{root}/{FOLDER}/{one.id}"
        data = content(root / FOLDER / one.id)
        assert (one.size_bytes, one.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert found(root) == sorted(f"{FOLDER}/{one.id}" for one in kept.saved), "and no marker is left"


async def test_the_manifest_tells_whose_files_they_are_and_until_when(store: Store, root: Path) -> None:
    await save(store)
    document = manifest(root)
    assert document["investigation"] == {"namespace": "shop", "name": "orders", "uid": KEY.uid}
    assert (document["created"], document["expires"]) == ("2026-05-04T03:02:01Z", "2026-05-11T03:02:01Z")
    assert document["pods"] == [{"name": "orders-0", "uid": "u1"}]


async def test_the_same_again_changes_nothing_and_answers_the_same(store: Store, root: Path) -> None:
    first = await save(store)
    times = {name: (root / name).stat().st_mtime_ns for name in found(root) if "manifest" not in name}
    assert await save(store, now=NOW + DAY) == first
    assert {name: (root / name).stat().st_mtime_ns for name in times} == times, "nothing is sent twice"


async def test_a_later_save_adds_and_loses_nothing(store: Store, root: Path) -> None:
    await save(store)
    kept = await save(store, [File("flame.svg", "svg", b"<svg/>"), replace(FILES[0], data=b"longer" * 90)])
    assert {one.id for one in kept.saved} == {"manifest.json", "flame.svg", *(file.name for file in FILES)}
    sizes = {one.id: one.size_bytes for one in kept.saved}
    assert sizes[FILES[0].name] == 540
    assert len(found(root)) == 5


async def test_what_an_earlier_save_said_of_its_streams_stays_said(store: Store, root: Path) -> None:
    early = StreamNote("offheap-sample-1", "Sample", "orders-0", "Completed", 9, 1.5, 2.5, (), 0, "Whole.")
    await store.save(KEY, FILES, About(ABOUT.pods, (early,)), budget_bytes=1, now=NOW)
    before = manifest(root)
    late = StreamNote("offheap-final-1", "Final", "orders-2", "", 0, None, None, ((2, 3),), 0, "The stream has no end.")
    about = About((Pod("orders-2", "p-2"),), (late,))
    await store.save(KEY, [File("x", "text", b"")], about, budget_bytes=1 << 20, now=NOW)
    after = manifest(root)
    for part in ("pods", "streams"):
        old, new = before[part], after[part]
        assert isinstance(old, list)
        assert isinstance(new, list)
        assert old
        assert new == [*old, new[-1]]
    assert after["dropped"] == before["dropped"] != []


async def test_the_time_to_live_counts_from_the_last_file(store: Store, root: Path) -> None:
    await save(store)
    await save(store, now=NOW + DAY)
    assert manifest(root)["expires"] == "2026-05-11T03:02:01Z", "nothing new came"
    await save(store, [File("flame.svg", "svg", b"<svg/>")], now=NOW + DAY)
    assert (manifest(root)["created"], manifest(root)["expires"]) == ("2026-05-04T03:02:01Z", "2026-05-12T03:02:01Z")


async def test_a_file_is_read_back_or_is_not_there(store: Store, root: Path) -> None:
    assert await store.load(KEY, FILES[0].name) is None
    await save(store)
    assert await store.load(KEY, FILES[0].name) == FILES[0].data
    (root.parent / "secret").write_text("x")
    assert await store.load(KEY, "../../../../secret") is None
    assert await open_store(f"file://{root}/{FOLDER}/manifest.json/below").load(KEY, "x") is None


async def test_the_most_valuable_fit_the_budget_and_the_rest_is_told(store: Store, root: Path) -> None:
    kept = await save(store, budget=420)
    assert [one.id for one in kept.saved[1:]] == [FILES[0].name, FILES[2].name]
    assert kept.problem is None, "a budget that works is no problem"
    assert [(one.name, one.size_bytes, one.reason) for one in kept.dropped] == [
        ("nmt/summary@3.txt", 200, "over spec.budget.artifacts (420)")
    ]
    assert manifest(root)["dropped"] == [
        {"name": "nmt/summary@3.txt", "kind": "text", "size_bytes": 200, "reason": "over spec.budget.artifacts (420)"}
    ]
    again = await save(store, [FILES[1]], budget=420)
    assert [one.name for one in again.dropped] == ["nmt/summary@3.txt"], "what lies there counts"


async def test_all_investigations_together_stay_below_the_capacity(root: Path) -> None:
    store = open_store(f"file://{root}", capacity_bytes=2200)
    await save(store)
    other = replace(KEY, name="billing")
    kept = await save(store, [replace(FILES[0], data=b"x" * 900), FILES[2]], key=other)
    assert kept.problem is not None
    assert kept.problem.reason == "ArtifactStoreFull"
    assert [(one.name, one.reason) for one in kept.dropped] == [(FILES[0].name, "the store is full")]
    assert FILES[2].name in [one.id for one in kept.saved]


async def test_of_two_files_with_one_name_the_first_counts(store: Store, root: Path) -> None:
    await save(store, [FILES[0], replace(FILES[0], data=b"other")])
    assert (root / FOLDER / FILES[0].name).read_bytes() == FILES[0].data


async def test_no_name_leads_out_of_the_folder(store: Store, root: Path) -> None:
    bad = [
        File("../../../../escape", "text", b"x"),
        File("/abs/olute", "text", b"x"),
        File("manifest.json", "text", b"x"),
    ]
    kept = await save(store, bad, key=Key("..", "../..", "u/../v"))
    assert len(kept.saved) == 4
    assert not (root.parent / "escape").exists()
    assert all(name.count("/") >= 3 and "/../" not in name for name in found(root))
    assert (manifest(root, "_../_.._../u_.._v"))["investigation"] == {
        "namespace": "..",
        "name": "../..",
        "uid": "u/../v",
    }


async def test_delete_leaves_nothing_of_it_and_all_of_others(store: Store, root: Path) -> None:
    await save(store)
    await save(store, key=replace(KEY, uid="another"))
    assert await store.delete(KEY) is None
    assert all(name.startswith("shop/orders/another/") for name in found(root))
    assert not (root / FOLDER).exists()
    assert await store.delete(KEY) is None, "fine where nothing is"


async def test_a_sweep_removes_what_has_expired(store: Store, root: Path) -> None:
    await save(store)
    await save(store, key=replace(KEY, uid="younger"), now=NOW + DAY)
    swept = await store.sweep(NOW + 7 * DAY)
    assert (swept.removed, swept.kept, swept.problem) == (1, 1, None)
    assert swept.kept_bytes == sum((root / name).stat().st_size for name in found(root))
    assert (await store.sweep(NOW + 7 * DAY)).removed == 0
    assert (await store.sweep(NOW + 8 * DAY)).removed == 1
    assert found(root) == []


async def test_without_a_ttl_all_is_kept(root: Path) -> None:
    store = open_store(f"file://{root}")
    await save(store)
    assert (await store.sweep(NOW + 9999 * DAY)).kept == 1


async def test_a_sweep_removes_a_save_that_was_cut_short_a_day_ago(store: Store, root: Path) -> None:
    await save(store)
    (root / FOLDER / "manifest.json").rename(root / "marker")
    (root / FOLDER / "begun.json").write_text(
        (root / "marker").read_text().replace('"expires": "2026-05-11', '"expires": "2026-05-05')
    )
    assert (await store.sweep(NOW + timedelta(hours=23))).kept == 1
    assert (await store.sweep(NOW + DAY)).removed == 1
    assert found(root) == ["marker"]


async def test_a_save_cut_short_leaves_its_marker(root: Path) -> None:
    store = open_store(f"file://{root}")
    (root / FOLDER / FILES[0].name / "a-directory-in-the-way").mkdir(parents=True)
    kept = await save(store)
    assert kept.saved == ()
    assert kept.problem is not None
    assert json.loads((root / FOLDER / "begun.json").read_text())["expires"] == "2026-05-05T03:02:01Z"


async def test_a_sweep_leaves_alone_what_is_not_ours(store: Store, root: Path) -> None:
    foreign = {
        "readme.txt": "x",
        "a/b/c/file": "no manifest",
        "a/b/d/manifest.json": "not ours",
        f"{FOLDER}-copy/manifest.json": "",
    }
    await save(store)
    foreign[f"{FOLDER}-copy/manifest.json"] = (root / FOLDER / "manifest.json").read_text()
    for name, text in foreign.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert (await store.sweep(NOW + 99 * DAY)).removed == 1
    assert found(root) == sorted(foreign)


async def test_memory_does_as_well() -> None:
    store = open_store("memory:///", ttl=DAY)
    kept = await save(store)
    assert kept.saved[1].uri == f"memory:///{FOLDER}/{FILES[0].name}".replace("memory:///", f"{store.location.url}/")
    assert await save(store) == kept
    assert (await store.sweep(NOW)).kept == 1
    assert (await store.sweep(NOW + DAY)).removed == 1
    assert (await store.sweep(NOW)).kept == 0


async def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    store = open_store(f"file://{tmp_path}/file/below")
    kept = await save(store)
    assert kept.problem is not None
    assert f"file://{tmp_path}/file/below" in kept.problem.message
    assert (await store.sweep(NOW)).problem is not None
    assert await store.delete(KEY) is not None


@pytest.fixture
def hanging(root: Path) -> Iterator[Path]:
    """Whoever reads its manifest waits for a writer."""
    pipe = root / FOLDER / "manifest.json"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    yield root
    os.close(os.open(pipe, os.O_WRONLY))


async def test_a_store_that_hangs_is_given_up(hanging: Path) -> None:
    store = open_store(f"file://{hanging}", patience=Patience(operation_seconds=0.2, save_seconds=0.5))
    kept = await save(store)
    assert kept.problem is not None
    assert kept.problem.reason == "ArtifactStoreSlow"
