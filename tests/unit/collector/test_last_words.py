"""The profile of the end: waited for until the pod is told to end, sent once it is whole, and the others are left alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offheap.collector.clock import Clock
from offheap.collector.plan import parse_plan
from offheap.collector.steps import run
from offheap.evidence.stream import Stream, read_stream

PROFILE = "heap_v2/131072\n  t*: 1: 100 [0: 0]\n\nMAPPED_LIBRARIES:\n7f0-7f1 r-xp 0 08:01 1 /jdk/lib/server/libjvm.so\n"


def ended(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[int], None],
    *,
    told: bool = True,
    **plan: Any,
) -> Stream:
    """What is said when the pod is told to end; `write` is called at each pause, with its number."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        write(len(pauses))

    monkeypatch.setattr("offheap.collector.last_words.await_last_words.__defaults__", (pause,))
    given = {
        "version": 1,
        "investigation": "shop/orders",
        "step": "final",
        "probes": {"jemalloc": {"directory": str(folder)}},
        **plan,
    }
    out = tmp_path / "stream"
    with out.open("wb") as stream:
        run(parse_plan(json.dumps(given)), stream.fileno(), clock=Clock(60, wait=lambda _: told))
    return read_stream(out.read_text().splitlines())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "offheap"
    place.mkdir()
    (place / "jeprof.1.0.i0.heap").write_text(PROFILE)
    return place


def test_what_appears_at_the_end_is_sent_as_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(pause: int) -> None:
        if pause == 2:
            (folder / "jeprof.1.1.f.heap").write_text(PROFILE[:40])
        if pause == 3:
            (folder / "jeprof.1.1.f.heap").write_text(PROFILE)

    stream = ended(folder, tmp_path, monkeypatch, write)
    assert [(blob.probe, blob.name, blob.kind, blob.data.decode()) for blob in stream.blobs] == [
        ("jemalloc", "jeprof.1.1.f.heap", "jemalloc-heap", PROFILE)
    ]
    assert stream.end is not None
    assert stream.end.outcome == "Completed"


def test_a_jvm_that_is_killed_leaves_none_and_that_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = ended(folder, tmp_path, monkeypatch, lambda _: None)
    assert stream.blobs == ()
    assert [skip.reason for skip in stream.skipped] == ["NoProfile"]


def test_no_link_is_followed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PROFILE)

    def write(pause: int) -> None:
        if pause == 1:
            os.symlink(secret, folder / "jeprof.1.1.f.heap")

    assert ended(folder, tmp_path, monkeypatch, write).blobs == ()


def test_it_does_not_wait_for_ever(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = ended(folder, tmp_path, monkeypatch, lambda _: None, told=False)
    assert stream.end is not None
    assert stream.end.outcome == "DeadlineExceeded"


@pytest.mark.parametrize("probes", [{}, {"jemalloc": {}}, {"smaps": {}}, {"jemalloc": {"directory": "/no/such"}}])
def test_a_plan_without_a_place_to_look_ends_at_once(
    probes: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = ended(folder, tmp_path, monkeypatch, lambda _: None, probes=probes)
    assert stream.end is not None
    assert stream.end.outcome == "Error"
