"""The lab's registry: each program that can be started has its known answers, in the words of the API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from images.build.catalog import dockerfiles
from offheap.api.words import VerdictKind

LAB = Path(__file__).parents[3] / "lab"
PROGRAMS: list[dict[str, Any]] = yaml.safe_load((LAB / "programs.yaml").read_text())["programs"]
each_program = pytest.mark.parametrize("program", PROGRAMS, ids=[p["kind"] for p in PROGRAMS])


def test_what_main_starts_is_what_is_registered() -> None:
    main = (LAB / "java" / "offheap" / "lab" / "Main.java").read_text()
    assert sorted(re.findall(r'PROGRAMS\.put\("([^"]+)"', main)) == sorted(p["kind"] for p in PROGRAMS)


@each_program
def test_its_verdicts_are_those_of_the_api(program: dict[str, Any]) -> None:
    assert {program["verdict"], *program.get("also", [])} <= set(get_args(VerdictKind))


@each_program
def test_there_is_an_image_for_each_jdk(program: dict[str, Any]) -> None:
    assert {f"lab-jdk{feature}" for feature in program["jdks"]} <= set(dockerfiles())


@each_program
def test_an_owner_of_the_lab_is_a_class_and_a_method_that_are_there(program: dict[str, Any]) -> None:
    owner = program.get("owner", "")
    if not owner.startswith("offheap.lab."):
        return
    outer, _, rest = owner.removeprefix("offheap.lab.").replace("$", ".").partition(".")
    source = (LAB / "java" / "offheap" / "lab" / f"{outer}.java").read_text()
    assert not rest or re.search(rf"\b{rest}\b", source)
