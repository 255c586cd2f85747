"""The machine's kernel settings are after the last cluster as they were before the first."""

from pathlib import Path

import pytest

from cluster import kernel


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kernel, "SETTINGS", tmp_path / "sys")
    monkeypatch.setattr(kernel, "RECORD", tmp_path / "record.json")
    for name in kernel.CHANGED_BY_KUBELET:
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text("0\n")
    return tmp_path / "sys"


def test_the_values_before_the_first_cluster_come_back(settings: Path) -> None:
    kernel.remember()
    (settings / "vm/overcommit_memory").write_text("1\n")
    kernel.remember()
    kernel.restore()
    assert (settings / "vm/overcommit_memory").read_text() == "0"
    assert not kernel.RECORD.exists()


def test_nothing_remembered_nothing_changed(settings: Path) -> None:
    (settings / "kernel/panic").write_text("10\n")
    kernel.restore()
    assert (settings / "kernel/panic").read_text() == "10\n"
