"""The diagnosis as the status shows it."""

from __future__ import annotations

from typing import Any

import pytest

from offheap.api.v1alpha1 import StageStatus, Status, dump
from offheap.diagnosis import Balance, Diagnosis, Finding, Row, Verdict
from offheap.evidence.stream import Blob, End, EvidenceRecord, Skipped, Stream
from offheap.investigation.verdicts import MOST_FINDINGS, probe_outcomes, stage_outcomes, with_diagnosis
from tests.unit.investigation.world import START

MIB = 1 << 20


def a_finding(**changes: Any) -> Finding:
    found: dict[str, Any] = {
        "kind": "NativeMalloc",
        "outcome": "Fail",
        "confidence": "High",
        "growth_bytes_per_hour": 412.0 * MIB,
        "message": "malloc grows",
        "recommendation": "call end()",
        "evidence": ("nmt/summary.diff@12",),
    }
    return Finding(**{**found, **changes})


def a_diagnosis(*findings: Finding, balance: Balance | None = None, **changes: Any) -> Diagnosis:
    verdict: dict[str, Any] = {
        "kind": "NativeMalloc",
        "confidence": "High",
        "growth_bytes_per_hour": 412.0 * MIB,
        "seconds_to_limit": 7800.0,
        "summary": "malloc grows",
        "owner": "java/util/zip/Deflater.<init>",
        "recommendation": "call end()",
        "missing": None,
    }
    return Diagnosis(verdict=Verdict(**{**verdict, **changes}), findings=findings, balance=balance)


def shown(diagnosis: Diagnosis) -> dict[str, Any]:
    return dump(with_diagnosis(Status(), diagnosis))


def test_numbers_become_words_of_kubernetes() -> None:
    rows = (Row("javaHeap", 64 * MIB, 0.0), Row("malloc", 40 * MIB, -2.5 * MIB), Row("unexplained", -3 * MIB))
    balance = Balance(at=START.timestamp(), limit_bytes=1 << 30, usage_bytes=101 * MIB, rows=rows)
    status = shown(a_diagnosis(a_finding(), balance=balance))
    assert status["verdict"]["growthPerHour"] == "412Mi"
    assert status["verdict"]["timeToLimit"] == "2h10m"
    assert status["balance"] == {
        "at": "2026-01-01T00:00:00Z",
        "limit": "1Gi",
        "usage": "101Mi",
        "unexplained": "-3Mi",
        "rows": [
            {"name": "javaHeap", "bytes": 64 * MIB, "growthPerHour": "0"},
            {"name": "malloc", "bytes": 40 * MIB, "growthPerHour": "-2.5Mi"},
            {"name": "unexplained", "bytes": -3 * MIB},
        ],
    }
    assert sum(row["bytes"] for row in status["balance"]["rows"]) == balance.usage_bytes
    (finding,) = status["findings"]
    assert (finding["growthPerHour"], finding["evidence"]) == ("412Mi", ["nmt/summary.diff@12"])


def test_what_is_not_known_is_absent() -> None:
    unknown = {"growth_bytes_per_hour": None, "seconds_to_limit": None, "owner": None}
    status = shown(a_diagnosis(kind="Inconclusive", confidence="Low", missing="intrusion: Restart", **unknown))
    assert set(status) == {"verdict"}
    assert set(status["verdict"]) == {"kind", "confidence", "summary", "recommendation", "missing"}


def test_a_limit_that_is_reached_already_is_no_negative_time() -> None:
    assert shown(a_diagnosis(seconds_to_limit=-5.0))["verdict"]["timeToLimit"] == "0s"


def test_lists_and_texts_have_an_end() -> None:
    finding = a_finding(message="x" * 10000, evidence=tuple(f"smaps/smaps@{n}" for n in range(100)))
    status = with_diagnosis(Status(), a_diagnosis(*[finding] * 100, owner="y" * 10000))
    assert len(status.findings) == MOST_FINDINGS
    assert len(status.findings[0].evidence) == 16
    assert Status.model_validate(dump(status)) == status


def evidence(probe: str, sample: int | None, pause: float = 0.0, peak: int = 0) -> EvidenceRecord:
    return EvidenceRecord(
        seq=1,
        at=0.0,
        elapsed_seconds=0.0,
        probe=probe,
        name=probe,
        sample=sample,
        data="",
        pause_seconds=pause,
        peak_pss_bytes=peak,
    )


def test_what_became_of_each_probe_over_all_collectors() -> None:
    first = Stream(
        evidence=(evidence("process", None),),
        skipped=(Skipped("nmt", "NmtOff", "switch it on"),),
        end=End("Completed", "", peak_pss_bytes=9 * MIB),
    )
    second = Stream(
        sent=(("smaps", 3 * MIB),),
        evidence=(
            evidence("smaps", 0),
            evidence("smaps", 0),
            evidence("smaps", 1, peak=12 * MIB),
            evidence("jvm", 0, 0.002),
            evidence("jvm", 1, 0.005),
        ),
        skipped=(Skipped("jvm", "AttachFailed", "once"),),
        end=End("Completed", "", peak_pss_bytes=12 * MIB),
    )
    found = {p.name: p for p in probe_outcomes([first, second])}
    assert list(found) == ["process", "smaps", "pmap", "jvm", "nmt"]
    assert [p.state for p in found.values()] == ["Done", "Done", "Done", "Done", "Skipped"]
    assert (found["smaps"].samples, found["smaps"].target_memory_peak, found["smaps"].pause) == (2, "12Mi", None)
    assert found["jvm"].target_memory_peak is None
    assert (found["smaps"].sent, found["pmap"].sent, found["jvm"].sent) == ("3Mi", None, None)
    assert (found["pmap"].samples, found["pmap"].level) == (2, "Observe")
    assert (found["jvm"].pause, found["jvm"].reason) == ("5ms", "AttachFailed")
    assert (found["nmt"].reason, found["nmt"].message, found["nmt"].samples) == ("NmtOff", "switch it on", None)
    assert found["nmt"].level == "Attach"


def test_one_reading_shows_no_growth() -> None:
    _, derived = probe_outcomes([Stream(evidence=(evidence("smaps", 0),))])
    assert (derived.name, derived.state, derived.reason) == ("pmap", "Skipped", "TooFewSamples")


def test_a_probe_that_only_sends_a_profile_is_done() -> None:
    blob = Blob(seq=1, at=0.0, probe="jemalloc", name="jeprof.1.0.i0.heap", kind="jemalloc-heap", sample=0, data=b"x")
    (found,) = probe_outcomes([Stream(blobs=(blob,))])
    assert (found.name, found.state) == ("jemalloc", "Done")


def test_each_trial_and_an_allocator_that_could_not_come_are_told() -> None:
    found = stage_outcomes(
        (
            StageStatus(name="Baseline", state="Done"),
            StageStatus(name="Jemalloc", state="Skipped", reason="AllocatorNeedsGlibc", message="musl"),
            StageStatus(name="ArenaMax", state="Done"),
            StageStatus(name="TrimNativeHeap", state="Skipped", reason="OptionUnknownToJdk", message="JDK 8"),
        )
    )
    assert [(p.name, p.state, p.reason) for p in found] == [
        ("jemalloc", "Skipped", "AllocatorNeedsGlibc"),
        ("trial", "Done", None),
        ("trial", "Skipped", "OptionUnknownToJdk"),
    ]
    assert stage_outcomes((StageStatus(name="Jemalloc", state="Done"),)) == ()


@pytest.mark.parametrize("reason", ["", "not one word", "ünïcode", "9Lives", "x" * 500])
def test_an_odd_reason_of_another_collector_does_not_lose_the_rest(reason: str) -> None:
    (probe,) = probe_outcomes([Stream(skipped=(Skipped("nmt", reason, "m" * 5000),))])
    assert probe.state == "Skipped"
    assert probe.reason
    assert probe.reason.isascii()


def test_nothing_said_is_nothing_shown() -> None:
    assert probe_outcomes([]) == ()
    assert probe_outcomes([Stream()]) == ()
    assert probe_outcomes([Stream(evidence=(evidence("of another version", 0),))]) == ()
