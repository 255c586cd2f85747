"""JDK 8 takes NMT only from its command line, which belongs to the template's owner: it is changed by consent only."""

from __future__ import annotations

from .lab import deployment, jvm, program
from .scene import Scene, condition, phase


def test_without_consent_the_target_is_untouched_and_the_condition_says_what_to_do(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 8)))
    scene.investigate("orders", sampling={"interval": "5s", "duration": "20s"})

    mi = scene.finished()

    instrumented = condition(mi, "Instrumented")
    assert (instrumented["status"], instrumented["reason"]) == ("False", "CommandLineNotAllowed"), instrumented
    assert "commandLine: true" in instrumented["message"], instrumented
    assert scene.footprint("orders") == before


def test_with_consent_the_command_line_is_patched_and_put_back(scene: Scene) -> None:
    before = scene.deploy(deployment("orders", jvm("direct", 8)))
    scene.investigate("orders", instrumentation={"commandLine": True})
    scene.instrumented("orders")

    mi = scene.finished()

    assert phase(mi) == "Succeeded", condition(mi, "Succeeded")
    assert mi["status"]["verdict"]["kind"] in program("direct").verdicts, mi["status"]["verdict"]
    assert mi["status"]["instrumentation"]["carrier"] == "CommandLine", mi["status"]["instrumentation"]
    assert scene.footprint("orders").same_template(before)
