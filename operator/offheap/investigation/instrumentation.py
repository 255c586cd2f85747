"""How a change reaches this JVM: which variable or list carries its options, and the patch that adds it. Pure.

Which variable works on which JDK was measured on 8, 11, 17.0.2 to 17.0.15, 21 and 25. The launcher of JDK 9 and later reads
JDK_JAVA_OPTIONS; JAVA_TOOL_OPTIONS is read by every JVM, but switches NMT on only since JDK-8256844 (18, backported to
17.0.5 or so: 17.0.3 not yet, 17.0.7 does). NMT_LEVEL_<pid>, by which older launchers pass the level on, is never set: without
the matching flag it crashes JDK 8, 11 and 17.0.3 at their start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offheap.api.words import Nmt, OptionsVariable
from offheap.investigation.problems import Problem
from offheap.investigation.stages import Changes
from offheap.investigation.template import Patch, Variable
from offheap.investigation.workload import Workload

Json = Mapping[str, Any]
VARIABLES: tuple[Literal["JAVA_TOOL_OPTIONS"], Literal["JDK_JAVA_OPTIONS"]] = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")
FIRST_17_UPDATE_THAT_LISTENS = 7
MAX_COMMAND_LINE_BYTES = 8192
"""Of command and args together: they are put on record in the status as they were."""
_NMT = "-XX:NativeMemoryTracking="


@dataclass(frozen=True)
class JvmFacts:
    """What decides the carrier: the JVM as it runs now. ``feature`` 17 and ``update`` 15 for 17.0.15."""

    feature: int
    update: int
    launcher: bool
    """Whether the executable is JDK's own ``java``; only that reads JDK_JAVA_OPTIONS."""
    options: tuple[str, ...]
    """The -X words of its command line."""
    variables_set: frozenset[str]
    """Names of variables that its environment holds, from wherever (image, envFrom, template)."""


def nmt_option(level: Nmt) -> str:
    """The JVM option for a level (java(1), -XX:NativeMemoryTracking)."""
    return f"{_NMT}{level.lower()}"


def choose(
    jvm: JvmFacts,
    workload: Workload,
    container: str,
    wanted: Changes,
    variable: OptionsVariable,
    *,
    consent: bool,
    ours: Patch | None = None,
) -> Patch | Problem:
    """The mildest change that brings all of this to the JVM, or why there is none and what to do instead.

    ``ours``: the patch that the template carries already; what it set is free for us, and its carrier is kept.
    """
    spec = workload.container(container)
    if spec is None:
        return Problem("ContainerNotFound", f"the template of the workload has no container {container!r} to patch.")
    mine = frozenset() if ours is None else frozenset(ours.variables)
    for name, value in wanted.environment:
        hindrance = _taken(name, spec, jvm.variables_set, mine)
        if hindrance is not None:
            return Problem(
                "VariableInUse",
                f"{name} {hindrance}, and this change needs it to be {value!r}; values of others are never changed. Free it, "
                "or leave this change out.",
            )
    environment, allocator = wanted.environment, wanted.allocator
    if not wanted.options:
        return Patch(container=container, environment=environment, allocator=allocator)
    carried = _carried(jvm, spec, container, wanted.options, variable, mine, ours, consent=consent)
    if isinstance(carried, Problem):
        return carried
    return Patch(
        container=container,
        carrier=carried.carrier,
        value=carried.value,
        environment=environment,
        allocator=allocator,
        args=carried.args,
        command=carried.command,
    )


def _carried(
    jvm: JvmFacts,
    spec: Json,
    container: str,
    options: tuple[str, ...],
    variable: OptionsVariable,
    mine: frozenset[Variable],
    ours: Patch | None,
    *,
    consent: bool,
) -> Patch | Problem:
    own_words = () if ours is None else ours.words
    for option in options:
        name = option.split("=")[0]
        given = next((o for o in jvm.options if o.split("=")[0] == name and o not in own_words), None)
        if given is not None:
            return Problem(
                "OptionOnCommandLine",
                f"the command line already says {given}, which wins over variables: change it there to {option}.",
            )
    if jvm.feature < 9 and any(option.startswith(_NMT) for option in options):
        return command_line(spec, container, " ".join(options), consent=consent, own_words=own_words)
    return _variable(jvm, spec, container, options, variable, mine)


def _variable(
    jvm: JvmFacts,
    spec: Json,
    container: str,
    options: tuple[str, ...],
    wanted: OptionsVariable,
    mine: frozenset[Variable],
) -> Patch | Problem:
    value = " ".join(options)
    reasons: list[str] = []
    for name in VARIABLES if wanted == "Auto" else (wanted,):
        hindrance = _deaf(name, jvm, options) or _taken(name, spec, jvm.variables_set, mine)
        if hindrance is None:
            return Patch(carrier=name, container=container, value=value)
        reasons.append(f"{name} {hindrance}")
    return Problem(
        "NoFreeVariable",
        f"no variable can carry {value} to this JVM: {'; '.join(reasons)}. "
        f"Add {value} to the options you set yourself, or free one of the variables; values of others are never changed.",
    )


def _deaf(name: str, jvm: JvmFacts, options: Sequence[str]) -> str | None:
    """Why this JVM would not hear the options by this variable."""
    tracks = any(option.startswith(_NMT) for option in options)
    if name == "JAVA_TOOL_OPTIONS" and tracks and not _listens_to_tool_options(jvm):
        return f"does not switch NMT on in JDK {jvm.feature} (JDK-8256844)"
    if name == "JDK_JAVA_OPTIONS" and jvm.feature < 9:
        return f"is not read by JDK {jvm.feature}"
    if name == "JDK_JAVA_OPTIONS" and not jvm.launcher:
        return "is read by the java launcher only, and this JVM was started by another program"
    return None


def _taken(name: str, spec: Json, variables_set: frozenset[str], mine: frozenset[Variable]) -> str | None:
    """Why a variable cannot be set by us, or None when it is free or ours."""
    entry = next((e for e in spec.get("env") or [] if e["name"] == name), None)
    if entry is not None and (name, entry.get("value")) in mine:
        return None
    if entry is not None and "valueFrom" in entry:
        return "is set by valueFrom in the template"
    if entry is not None:
        return "is already set in the template"
    if name in variables_set and name not in {own for own, _ in mine}:
        return "is already set in the container (by its image or envFrom), and would be replaced"
    return None


def _listens_to_tool_options(jvm: JvmFacts) -> bool:
    return jvm.feature >= 18 or (jvm.feature == 17 and jvm.update >= FIRST_17_UPDATE_THAT_LISTENS)


def command_line(
    spec: Json, container: str, value: str, *, consent: bool, own_words: tuple[str, ...] = ()
) -> Patch | Problem:
    """The options as the first words after ``java`` in command or args; those of ours that are there already are replaced."""
    if not consent:
        return Problem(
            "CommandLineNotAllowed",
            f"JDK 8 takes {value} only from its command line, which is a list that belongs to the template's owner. Set "
            "spec.instrumentation.commandLine: true to let offheap add it there for a while (and put the list back), or "
            "add the option yourself.",
        )
    for field in ("command", "args"):
        words = [word for word in spec.get(field) or [] if word not in own_words]
        at = next((i for i, word in enumerate(words) if word.rsplit("/", 1)[-1] == "java"), None)
        if at is not None and _length_bytes(spec) > MAX_COMMAND_LINE_BYTES:
            return Problem(
                "CommandLineTooLong",
                f"command and args of the template have more than {MAX_COMMAND_LINE_BYTES} bytes, too many to put on record: "
                f"add {value} to them yourself.",
            )
        if at is not None:
            words[at + 1 : at + 1] = value.split()
            return Patch(
                carrier="CommandLine",
                container=container,
                value=value,
                args=tuple(words) if field == "args" else _words(spec, "args"),
                command=tuple(words) if field == "command" else _words(spec, "command"),
            )
    return Problem(
        "CommandLineNotFound",
        "neither command nor args of the template has the word java (the image's entrypoint or a shell starts it): add "
        f"{value} where that reads its options.",
    )


def _length_bytes(spec: Json) -> int:
    return sum(len(word.encode()) for field in ("command", "args") for word in spec.get(field) or [])


def _words(spec: Json, field: str) -> tuple[str, ...] | None:
    return tuple(spec[field]) if field in spec else None
