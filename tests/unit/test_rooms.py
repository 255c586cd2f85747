"""What import-linter cannot say: the collector and the evidence stand on Python's standard library and themselves alone.

The collector is copied without the rest into its own image, and what it imports is charged to its target's pod.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "operator" / "offheap"
MODULES = [file for room in ("collector", "evidence") for file in sorted((PACKAGE / room).rglob("*.py"))]


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("file", MODULES, ids=[str(file.relative_to(PACKAGE)) for file in MODULES])
def test_it_imports_the_standard_library_and_its_own_room_only(file: Path) -> None:
    own = f"offheap.{file.relative_to(PACKAGE).parts[0]}"
    foreign = [
        name
        for name in imported(file)
        if name.partition(".")[0] not in sys.stdlib_module_names and name != own and not name.startswith(f"{own}.")
    ]
    assert foreign == []
