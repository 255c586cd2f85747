"""One namespace for each test, under Pod Security `restricted`; a failed test shows what was in it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from .kubectl import Kubectl, KubectlError, connect
from .operator import Operator, deployed
from .report import report
from .scene import Scene, namespace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs the cluster."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl on the cluster under test."""
    return connect()


@pytest.fixture(scope="session")
def operator(kubectl: Kubectl) -> Operator:
    """The operator, which `make deploy` has deployed."""
    return deployed(kubectl)


@pytest.fixture
def scene(kubectl: Kubectl, operator: Operator) -> Iterator[Scene]:
    """A namespace of its own, as strict as the strictest clusters are."""
    with namespace(kubectl, "restricted") as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Adds the state of the cluster to the report of a failed test, before its namespace is deleted."""
    outcome = yield
    arguments = getattr(item, "funcargs", {})
    scene = next((value for value in arguments.values() if isinstance(value, Scene)), None)
    if call.when == "call" and outcome.failed and scene is not None:
        try:
            outcome.sections.append(
                (f"namespace {scene.namespace}", report(scene.kubectl, arguments["operator"], scene.namespace))
            )
        except KubectlError as error:
            outcome.sections.append((f"namespace {scene.namespace}", str(error)))
    return outcome
