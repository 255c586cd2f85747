"""A status that etcd, every watcher and a terminal can carry: where the whole would be too large, its texts are cut.

Each field has its own bound, but many long texts together would be a multiple of what an object should be.
"""

from __future__ import annotations

import json
from typing import Any

from offheap.api.v1alpha1 import Status, dump

MOST_BYTES = 64 << 10

_CUT = " … (cut)"
_LENGTHS = (1024, 256, 64, 32)
_ROW = "name of a row"
_SAID = frozenset(
    {"message", "summary", "recommendation", "missing", "owner", "evidence", _ROW}
    | {"vm", "vendor", "version", "gc", "nmt", "libc", "allocator"}
)
"""What is told to people. What is looked up again or put back (names, UIDs, hashes, the record of the patch) is never cut."""


def size_bytes(status: Status) -> int:
    """Bytes of the status as the apiserver stores it."""
    return len(json.dumps(dump(status), ensure_ascii=False, separators=(",", ":")).encode())


def fitted(status: Status) -> Status:
    """The status, with its longest texts cut until it fits, and then without its last findings, which weigh least."""
    for most in _LENGTHS:
        if size_bytes(status) <= MOST_BYTES:
            return status
        status = Status.model_validate(_cut(dump(status), most))
    while status.findings and size_bytes(status) > MOST_BYTES:
        status = status.model_copy(update={"findings": status.findings[:-1]})
    return status


def _cut(node: Any, most: int, key: str = "") -> Any:
    if isinstance(node, dict):
        return {k: _cut(v, most, _ROW if (key, k) == ("rows", "name") else k) for k, v in node.items()}
    if isinstance(node, list):
        kept = node[: max(1, most // 64)] if key == "evidence" else node
        return [_cut(one, most, key) for one in kept]
    if isinstance(node, str) and key in _SAID and len(node) > most:
        return node[: most - len(_CUT)] + _CUT
    return node
