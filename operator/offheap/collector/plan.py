"""What the collector is told to do: one JSON word on its command line, checked before anything is touched."""

from __future__ import annotations

import json
from typing import NamedTuple

VERSION = 1
STEPS = ("look", "identify", "sample", "trace", "final")
NMT_LEVELS = ("off", "summary", "detail")


class PlanError(Exception):
    """The plan cannot be followed; the text says which field and why."""


class Target(NamedTuple):
    """One Linux process. A pid can be given anew; with the start time (clock ticks since boot) it cannot."""

    pid: int
    start_time_ticks: int


class Plan(NamedTuple):
    """One step of one investigation. `stream_bytes` bounds all that is written, `pause_seconds` how long the target may
    stand still in all, `target_memory_bytes` what the collector may add to the target's pod. `probes`: the names of the
    probes to run, each with its options (the operator's API has checked them)."""

    investigation: str
    step: str
    target: Target | None
    deadline_seconds: float
    interval_seconds: float
    duration_seconds: float
    nmt: str
    attach: bool
    target_memory_bytes: int
    pause_seconds: float
    stream_bytes: int
    probes: dict[str, dict[str, object]] | None = None

    def wants(self, probe: str) -> bool:
        """Whether this probe is to be run; a plan that names none wants all there are."""
        return self.probes is None or probe in self.probes

    def option(self, probe: str, name: str) -> object:
        """An option of one probe, None when it was not given."""
        return (self.probes or {}).get(probe, {}).get(name)


def parse_plan(text: str) -> Plan:
    """Raises PlanError. Absent optional fields take the defaults of the API (15 s, 10 min, 64 MiB, 500 ms, 8 MiB)."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"the plan is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise PlanError("the plan is not a JSON object")
    if given.get("version") != VERSION:
        raise PlanError(f"version: this collector understands plans of version {VERSION} only")
    budget = given.get("budget", {})
    if not isinstance(budget, dict):
        raise PlanError("budget: not an object")
    interval = _number(given, "interval_seconds", 15)
    duration = _number(given, "duration_seconds", 600)
    if interval > duration:
        raise PlanError("interval_seconds: longer than duration_seconds")
    return Plan(
        investigation=_word(given, "investigation", None),
        step=_word(given, "step", STEPS),
        target=_target(given.get("target")),
        deadline_seconds=_number(given, "deadline_seconds", duration + 60),
        interval_seconds=interval,
        duration_seconds=duration,
        nmt=_word(given, "nmt", NMT_LEVELS, "summary"),
        attach=_flag(given, "attach", True),
        target_memory_bytes=int(_number(budget, "target_memory_bytes", 64 << 20)),
        pause_seconds=_number(budget, "pause_seconds", 0.5, may_be_zero=True),
        stream_bytes=int(_number(budget, "stream_bytes", 8 << 20)),
        probes=_probes(given.get("probes")),
    )


def _probes(given: object) -> dict[str, dict[str, object]] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not all(isinstance(options, dict) for options in given.values()):
        raise PlanError("probes: not an object of objects")
    return given


def _target(given: object) -> Target | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise PlanError("target: neither null nor an object")
    return Target(int(_number(given, "pid", None)), int(_number(given, "start_time_ticks", None, may_be_zero=True)))


def _word(given: dict[str, object], name: str, words: tuple[str, ...] | None, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or (words and value not in words):
        raise PlanError(f"{name}: not {'one of ' + ', '.join(words) if words else 'a string'}")
    return value


def _flag(given: dict[str, object], name: str, default: bool) -> bool:  # noqa: FBT001 - private, always by name's place
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise PlanError(f"{name}: not true or false")
    return value


def _number(given: dict[str, object], name: str, default: float | None, *, may_be_zero: bool = False) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PlanError(f"{name}: not a number")
    if not (0 <= value < 1e15) or (value == 0 and not may_be_zero):
        raise PlanError(f"{name}: out of range")
    return value
