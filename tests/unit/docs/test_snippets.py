"""The YAML of the docs is YAML, and its investigations are ones that the models take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from offheap.api.v1alpha1 import KIND, MemoryInvestigation

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_SNIPPET = re.compile(r"^ *```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def _documents() -> Iterator[tuple[str, Any]]:
    for page in PAGES:
        for snippet in _SNIPPET.findall(page.read_text(encoding="utf-8")):
            for document in yaml.safe_load_all(snippet):
                yield str(page.relative_to(ROOT)), document


INVESTIGATIONS = [(page, one) for page, one in _documents() if isinstance(one, dict) and one.get("kind") == KIND]


def test_the_docs_show_investigations() -> None:
    assert {"README.md", "docs/guide/writing-an-investigation.md"} <= {page for page, _ in INVESTIGATIONS}


@pytest.mark.parametrize(("page", "document"), INVESTIGATIONS, ids=[page for page, _ in INVESTIGATIONS])
def test_an_investigation_is_valid(page: str, document: dict[str, Any]) -> None:
    assert MemoryInvestigation.model_validate(document).name, page
