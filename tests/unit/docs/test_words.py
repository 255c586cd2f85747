"""Every word that a user can meet is explained: verdicts, reasons, rows, metrics; and thresholds are the code's."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.metrics import MetricWrapperBase

from offheap import metrics
from offheap.api.words import VerdictKind as ApiKind
from offheap.diagnosis import balance
from offheap.diagnosis.kinds import VerdictKind
from offheap.investigation.conditions import TYPES

ROOT = Path(__file__).parents[3]
DOCS, CODE = ROOT / "docs", ROOT / "operator" / "offheap"
VERDICTS = DOCS / "verdicts"
ANSWER = (DOCS / "guide" / "reading-the-answer.md").read_text(encoding="utf-8")
SAYS_A_REASON = {
    "Problem": 0,
    "Skip": 0,
    "Ended": 0,
    "waiting": 1,
    "running": 1,
    "finished": 1,
    "with_condition": 3,
}
"""Functions whose argument at this place is a reason that users see."""
_WORD = re.compile(r"[A-Z][A-Za-z0-9]+")
_THRESHOLD = re.compile(r"`((?:\w+\.)+[A-Z_][A-Z0-9_]*)` = ([0-9.]+)")


def _page(kind: str) -> Path:
    return VERDICTS / (re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower() + ".md")


def _not_yet_emitted() -> set[str]:
    index = (VERDICTS / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)` \|", index.partition("## Not yet emitted")[2], re.MULTILINE))


def _emitted() -> set[str]:
    """Kinds that a line of the diagnosis names, outside their definition and the set of kinds about limits."""
    sources = [*(CODE / "diagnosis" / "rules").glob("*.py"), CODE / "diagnosis" / "verdict.py"]
    names = {name for source in sources for name in re.findall(r"VerdictKind\.([A-Z_]+)", source.read_text())}
    return {VerdictKind[name].value for name in names}


def test_the_api_and_the_diagnosis_know_the_same_kinds() -> None:
    assert set(get_args(ApiKind)) == {kind.value for kind in VerdictKind}


@pytest.mark.parametrize("kind", get_args(ApiKind))
def test_a_kind_has_a_page_or_is_not_emitted_yet(kind: str) -> None:
    assert _page(kind).exists() == (kind in _emitted())
    assert (kind in _not_yet_emitted()) == (kind not in _emitted())


def test_a_kinds_page_begins_with_its_name() -> None:
    for kind in _emitted():
        assert _page(kind).read_text(encoding="utf-8").startswith(f"# {kind}\n"), kind


def _reasons() -> Iterator[str]:
    folders = ("investigation", "cluster", "collector")
    for source in sorted(path for folder in folders for path in (CODE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).strip("()").split(",")[0] == "reason":
                yield from _constants(node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value)
            if not isinstance(node, ast.Call):
                continue
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = SAYS_A_REASON.get(function)
            if place is not None and place < len(node.args):
                yield from _constants(node.args[place])


def _constants(argument: ast.expr) -> Iterator[str]:
    for node in ast.walk(argument):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
            yield node.value


def test_every_reason_is_explained() -> None:
    reasons = set(_reasons())
    assert {"TargetNotFound", "NoFreeVariable", "TmpNotWritable", "Queued"} <= reasons, "the scan finds too little"
    # a reason that the code puts together of two words, such as OpenJ9Unsupported
    assert not {reason for reason in reasons if f"{reason}`" not in ANSWER}


def test_every_condition_is_explained() -> None:
    assert not [kind for kind in TYPES if f"`{kind}`" not in ANSWER]


def test_every_row_of_the_balance_sheet_is_explained() -> None:
    text = (DOCS / "concepts" / "balance-sheet.md").read_text(encoding="utf-8")
    public = [value for name, value in vars(balance).items() if name.isupper() and not name.startswith("_")]
    rows = [value for value in public if isinstance(value, str)]
    assert balance.OUTSIDE_NMT in rows
    assert not [row for row in rows if f"| `{row}` |" not in text]


def test_every_metric_is_explained() -> None:
    text = (DOCS / "guide" / "metrics.md").read_text(encoding="utf-8")
    exposed = [
        metric for one in vars(metrics).values() if isinstance(one, MetricWrapperBase) for metric in one.describe()
    ]
    names = [metric.name + ("_total" if metric.type == "counter" else "") for metric in exposed]
    assert names
    assert not [name for name in names if f"| `{name}` |" not in text]


def _thresholds() -> Iterator[tuple[str, str, float]]:
    for page in sorted(DOCS.rglob("*.md")):
        for name, value in _THRESHOLD.findall(page.read_text(encoding="utf-8")):
            yield page.name, name, float(value)


@pytest.mark.parametrize(("page", "name", "value"), sorted(set(_thresholds())))
def test_a_threshold_is_the_codes(page: str, name: str, value: float) -> None:
    module, _, constant = name.rpartition(".")
    assert getattr(importlib.import_module(f"offheap.{module}"), constant) == value, page
