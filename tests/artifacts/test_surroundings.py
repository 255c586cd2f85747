"""The store where the machine is not as it should be: a volume that is full or read-only, an image without certificates."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offheap.artifacts.files import File
from offheap.artifacts.manifest import About, Key
from offheap.artifacts.store import Kept, Store, open_store

ROOT = Path(__file__).parents[2]
FILES = [
    File("collector-sample-orders-0.ndjson.gz", "stream", b"s" * 300),
    File("nativemem/nativemem.jfr", "jfr", os.urandom(1 << 20)),
    File("nmt/summary@3.txt", "text", b"t" * 200),
]


async def save(store: Store) -> Kept:
    key = Key("shop", "orders", "6f1c2a34-0000-4000-8000-000000000001")
    return await store.save(key, FILES, About(), budget_bytes=8 << 20, now=datetime(2026, 5, 4, tzinfo=UTC))


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.fixture
def frozen(small: Path) -> Path:
    mount("-o", "remount,ro", small)
    return small


async def test_a_full_volume_is_told_with_what_did_fit(small: Path) -> None:
    kept = await save(open_store(f"file://{small}"))
    assert kept.problem is not None
    assert kept.problem.reason == "ArtifactStoreFull"
    assert "No space left on device" in kept.problem.message
    assert [one.id for one in kept.saved] == ["manifest.json", FILES[0].name]
    assert [one.name for one in kept.dropped] == [FILES[1].name, FILES[2].name]


async def test_a_volume_that_may_not_be_written_is_told(frozen: Path) -> None:
    kept = await save(open_store(f"file://{frozen}"))
    assert kept.saved == ()
    assert len(kept.dropped) == len(FILES)
    assert kept.problem is not None
    assert kept.problem.reason == "ArtifactStoreDenied"
    assert "Read-only file system" in kept.problem.message


def test_an_image_without_certificates_can_still_speak_to_a_bucket(tmp_path: Path) -> None:
    """The library makes no client where the system trusts nobody: the slim image is such a system."""
    hide = f"mount --bind {tmp_path} /etc/ssl && exec {sys.executable} -c"
    program = "from offheap.artifacts.store import open_store; print(open_store('s3://bucket/prefix').location.url)"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f'{hide} "$0"', program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "s3://bucket/prefix\n"), done.stderr
