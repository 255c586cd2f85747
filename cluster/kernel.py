"""Keeps the kernel settings that a kubelet changes for the whole machine, so that the last cluster to go can put them back."""

import json
from pathlib import Path

from .settings import STATE_ROOT

CHANGED_BY_KUBELET = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
SETTINGS = Path("/proc/sys")
RECORD = STATE_ROOT.with_name("offheap-kernel-settings.json")
"""Beside the clusters' folders, for the first cluster may go before the second."""


def remember() -> None:
    """Writes the values down, unless an earlier cluster has done so."""
    if not RECORD.exists():
        values = {name: (SETTINGS / name).read_text().strip() for name in CHANGED_BY_KUBELET}
        RECORD.write_text(json.dumps(values))


def restore() -> None:
    """Puts back what was written down."""
    if RECORD.exists():
        for name, value in json.loads(RECORD.read_text()).items():
            (SETTINGS / name).write_text(value)
        RECORD.unlink()
