"""The debugger's look and the one without a stop stand in one table."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from offheap.evidence.content import MemoryContent, parse_content
from offheap.evidence.content_table import content_table


def look(method: str, pause_seconds: float, prefix: str, version: str = "") -> MemoryContent:
    region: dict[str, Any] = {
        "start": "7f0000000000",
        "size_bytes": 8 << 20,
        "grown_bytes": 6 << 20,
        "read_bytes": 1 << 20,
        "names": {"com.acme.ImageCache": 8000},
        "strings": [{"prefix": prefix, "count": 8000, "size_bytes": 1 << 19}],
    }
    return parse_content({"method": method, "version": version, "pause_seconds": pause_seconds, "regions": [region]})


def test_both_looks_in_one_table() -> None:
    prefix = "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=#"
    lines = content_table([look("proc-mem", 0, prefix), look("gdb", 0.0461, prefix, "16.3")]).splitlines()
    same = f"| 1 | 6.0 MiB | 1.0 MiB | {prefix} | 8000 | com.acme.ImageCache | High |"
    assert lines[2:] == [f"| proc-mem | no {same}", f"| gdb 16.3 | 46.1 ms {same}"]


def test_a_look_that_found_nothing_is_a_row_too() -> None:
    assert content_table([parse_content({"method": "gdb", "regions": []})]).count("\n") == 3


@given(st.text(max_size=80))
def test_no_text_breaks_the_table(prefix: str) -> None:
    lines = content_table([look("gdb", 1, prefix)]).split("\n")
    assert len(lines) == 4
    assert lines[2].replace("\\|", "").count("|") == lines[0].count("|") or "\\\\" in lines[2]
