"""The command line: ``offheap run`` is the operator, ``offheap analyze`` the diagnosis of files."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import timedelta

import click
import kopf
from kopf._core.engines.peering import Identity

from offheap.api.crd import generate, render
from offheap.api.duration import parse_duration
from offheap.api.quantity import parse_quantity
from offheap.handlers import registry
from offheap.offline.command import analyze_command
from offheap.settings import Settings


def _duration(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _quantity(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_quantity(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group()
def main() -> None:
    """The off-heap leak investigator for Kubernetes."""


@main.command()
@click.option(
    "--collector-image", envvar="OFFHEAP_COLLECTOR_IMAGE", default=Settings.collector_image, show_default=True
)
@click.option(
    "--collector-pull-policy",
    envvar="OFFHEAP_COLLECTOR_PULL_POLICY",
    type=click.Choice(["Always", "IfNotPresent", "Never"]),
    default=Settings.collector_pull_policy,
    show_default=True,
)
@click.option(
    "--namespace", "-n", "namespaces", envvar="OFFHEAP_NAMESPACES", multiple=True, help="Only these; default: all."
)
@click.option("--metrics-port", envvar="OFFHEAP_METRICS_PORT", default=Settings.metrics_port, show_default=True)
@click.option("--liveness-port", envvar="OFFHEAP_LIVENESS_PORT", default=Settings.liveness_port, show_default=True)
@click.option(
    "--artifacts-url",
    envvar="OFFHEAP_ARTIFACTS_URL",
    default=Settings.artifacts_url,
    show_default=True,
    help="Where evidence is kept: file:///directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
)
@click.option(
    "--artifacts-ttl",
    envvar="OFFHEAP_ARTIFACTS_TTL",
    default="168h",
    show_default=True,
    callback=_duration,
    help="How long evidence is kept; 0s: for ever.",
)
@click.option(
    "--artifacts-capacity",
    envvar="OFFHEAP_ARTIFACTS_CAPACITY",
    callback=_quantity,
    help="The most that is kept in all, such as 900Mi; default: no bound.",
)
@click.option("--width", envvar="OFFHEAP_WIDTH", default=Settings.width, show_default=True, help="Steps at a time.")
@click.option("--log-format", envvar="OFFHEAP_LOG_FORMAT", type=click.Choice(["json", "plain"]), default="json")
@click.option("--verbose", "-v", is_flag=True)
def run(
    *,
    collector_image: str,
    collector_pull_policy: str,
    namespaces: tuple[str, ...],
    metrics_port: int,
    liveness_port: int,
    artifacts_url: str,
    artifacts_ttl: float,
    artifacts_capacity: int | None,
    width: int,
    log_format: str,
    verbose: bool,
) -> None:
    """Run the operator: in a cluster, or from a laptop with KUBECONFIG."""
    settings = Settings(
        collector_image=collector_image,
        collector_pull_policy=collector_pull_policy,
        namespaces=namespaces,
        metrics_port=metrics_port,
        liveness_port=liveness_port,
        artifacts_url=artifacts_url,
        artifacts_ttl=timedelta(seconds=artifacts_ttl) if artifacts_ttl else None,
        artifacts_capacity_bytes=artifacts_capacity,
        width=width,
        instance=socket.gethostname(),
    )
    kopf.configure(verbose=verbose, log_format=kopf.LogFormat.JSON if log_format == "json" else kopf.LogFormat.PLAIN)
    for chatty in ("kopf.objects", "kopf.activities.probe", "aiohttp.access"):  # a line an event, or a line a probe
        logging.getLogger(chatty).setLevel(logging.WARNING)
    asyncio.run(
        kopf.operator(
            registry=registry(settings),
            standalone=True,
            identity=Identity(settings.instance),
            clusterwide=not namespaces,
            namespaces=namespaces,
            liveness_endpoint=f"http://0.0.0.0:{liveness_port}/healthz" if liveness_port else None,
        )
    )


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinitions."""
    click.echo(render(generate()), nl=False)


main.add_command(analyze_command)


if __name__ == "__main__":
    main()
