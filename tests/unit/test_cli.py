"""The command line: what `offheap run` makes of options and environment, and what `offheap crd` prints."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from click.testing import CliRunner
from kopf._core.engines.activities import ActivityError, run_activity
from kopf._core.intents.causes import Activity

from offheap import __main__ as program
from offheap.api.crd import FILE
from offheap.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What kopf would have been started with."""
    found: dict[str, Any] = {}

    async def operator(**options: Any) -> None:
        found.update(options)

    def registry(settings: Settings) -> str:
        found["settings"] = settings
        return "the registry"

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(kopf, "configure", found.update)
    monkeypatch.setattr(program, "registry", registry)
    return found


def call(*words: str, env: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(program.main, words, env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_crd_prints_what_is_committed() -> None:
    assert call("crd") == (ROOT / "crds" / FILE).read_text()
    assert yaml.safe_load(call("crd"))["kind"] == "CustomResourceDefinition"


def test_by_default_it_serves_every_namespace(started: dict[str, Any]) -> None:
    call("run")
    settings = started["settings"]
    assert (settings.collector_image, settings.collector_pull_policy) == ("offheap/collector:dev", "IfNotPresent")
    assert (started["clusterwide"], started["namespaces"], started["standalone"]) == (True, (), True)
    assert started["liveness_endpoint"] == "http://0.0.0.0:8081/healthz"
    assert started["registry"] == "the registry"
    assert started["log_format"] is kopf.LogFormat.JSON


def test_options_win_over_the_environment(started: dict[str, Any]) -> None:
    env = {
        "OFFHEAP_COLLECTOR_IMAGE": "r.example/collector:1",
        "OFFHEAP_COLLECTOR_PULL_POLICY": "Always",
        "OFFHEAP_NAMESPACES": "shop billing",
        "OFFHEAP_METRICS_PORT": "0",
        "OFFHEAP_LIVENESS_PORT": "0",
        "OFFHEAP_WIDTH": "3",
    }
    call("run", "--collector-image", "r.example/collector:2", env=env)
    settings = started["settings"]
    assert (settings.collector_image, settings.collector_pull_policy) == ("r.example/collector:2", "Always")
    assert (settings.metrics_port, settings.liveness_port, settings.width) == (0, 0, 3)
    assert settings.namespaces == ("shop", "billing")
    assert (started["clusterwide"], started["namespaces"]) == (False, ("shop", "billing"))
    assert started["liveness_endpoint"] is None


def test_namespaces_may_be_named_one_by_one(started: dict[str, Any]) -> None:
    call("run", "-n", "shop", "-n", "billing")
    assert started["namespaces"] == ("shop", "billing")


def test_the_kubelets_probes_are_no_news_unless_they_fail(
    started: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    call("run")
    caplog.set_level(logging.INFO)
    probed(lambda **_: 1.0)
    assert caplog.messages == []

    def stuck(**_: Any) -> None:
        raise kopf.PermanentError("a step has been running for 301 s")

    with pytest.raises(ActivityError):
        probed(stuck)
    assert "301 s" in caplog.text


def probed(handler: Any) -> None:
    """What kopf's endpoint of liveness does when it is asked."""
    handlers = kopf.OperatorRegistry()
    kopf.on.probe(id="steps", registry=handlers)(handler)
    asyncio.run(
        run_activity(
            lifecycle=kopf.lifecycles.all_at_once,
            registry=handlers,
            settings=kopf.OperatorSettings(),
            activity=Activity.PROBE,
            indices={},
            memo=kopf.Memo(),
        )
    )


def test_what_makes_no_sense_is_refused_with_help() -> None:
    result = CliRunner().invoke(program.main, ["run", "--collector-pull-policy", "Sometimes"])
    assert result.exit_code == 2
    assert "IfNotPresent" in result.output


def test_help_names_every_environment_variable() -> None:
    assert "--collector-image" in call("run", "--help")
    assert {"run", "crd"} <= set(call("--help").split())
