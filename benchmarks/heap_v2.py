"""Our reader of heap profiles against `jeprof --text --show_bytes`, on the same files: same totals, and how much faster.

Both run as whole processes, one after the other, so that the interpreters' starts count and a busy machine slows both. jeprof gets
each file with an empty table of symbols, which spares it the search for binaries: what is compared is reading and adding up.
"""
# ruff: noqa: T201 - a table is what it is for

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cluster import packages
from cluster.settings import REPOSITORY

ROUNDS = 5
MOST_DIFFERENCE = 0.001
LARGE_COPIES = 200
FIXTURES = REPOSITORY / "tests" / "fixtures" / "heap_profile"
READER = """\
import sys
from offheap.evidence.gperftools_heap import parse_gperftools_heap
from offheap.evidence.jemalloc_heap import parse_jemalloc_heap
text = open(sys.argv[1]).read().partition("--- heap\\n")[2]
parse = parse_jemalloc_heap if text.startswith("heap_v2") else parse_gperftools_heap
profile = parse(text)
ranked = sorted(profile.stacks, key=lambda stack: -stack.bytes)
print("Total:", profile.bytes, "B in", len(ranked), "stacks")
"""


def main() -> int:
    """0 when all totals agree."""
    packages.ensure({"/usr/bin/jeprof": "libjemalloc-dev"})
    path = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'operator')!r})"
    ours, theirs = [sys.executable, "-I", "-S", "-c", f"{path}\n{READER}"], ["jeprof", "--text", "--show_bytes"]
    agree = True
    print(f"{'file':40} {'stacks':>7} {'ours':>12} {'jeprof':>12} {'differ':>8} {'ours':>8} {'jeprof':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory(prefix="offheap-bench-") as folder:
        for name, text in _profiles().items():
            file = Path(folder) / name
            file.write_text(f"--- symbol\nbinary=java\n---\n--- heap\n{text}")
            rounds = [(_timed([*ours, str(file)]), _timed([*theirs, str(file)])) for _ in range(ROUNDS)]
            (total, answer), (expected, _) = ((_total(one[1]), one[1]) for one in rounds[0])
            seconds = [median(one[place][0] for one in rounds) for place in (0, 1)]
            difference = abs(total - expected) / expected
            agree = agree and difference <= MOST_DIFFERENCE
            stacks = answer.split()[-2]
            print(
                f"{name:40} {stacks:>7} {total:12} {expected:12} {difference:8.4%} {seconds[0]:7.3f}s {seconds[1]:7.3f}s "
                f"{seconds[1] / seconds[0]:5.1f}x"
            )
    print("totals agree within 0.1 %" if agree else "totals DIFFER by more than 0.1 %")
    return 0 if agree else 1


def _profiles() -> dict[str, str]:
    """The recorded ones, and one that is as large as a big application's: the stacks of one at other addresses, again and again."""
    found = {file.name.removesuffix(".txt"): file.read_text() for file in sorted(FIXTURES.glob("*measured*.heap.txt"))}
    text = found["jemalloc-17-measured-inflater-final.heap"]
    head, _, rest = text.partition("\n@")
    stacks, heading, maps = rest.partition("\nMAPPED_LIBRARIES")
    moved = [_moved(f"\n@{stacks.rstrip()}", copy) for copy in range(LARGE_COPIES)]
    found["jemalloc-large.heap"] = f"{head}{''.join(moved)}\n{heading}{maps}"
    return found


def _moved(text: str, by: int) -> str:
    """The same stacks at addresses that are `by` higher."""
    return re.sub(r"0x([0-9a-f]+)", lambda word: f"0x{int(word[1], 16) + by:x}", text)


def _timed(command: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return time.perf_counter() - started, answer


def _total(answer: str) -> int:
    found = re.search(r"^Total: (\d+) B", answer, re.M)
    assert found, answer
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
