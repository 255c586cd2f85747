"""The operator as it runs in the cluster: its log, its metrics, the size of its image."""

from __future__ import annotations

import json

from .kubectl import Kubectl
from .operator import Operator

MOST_IMAGE_BYTES = 250 * 10**6


def metrics(kubectl: Kubectl, operator: Operator) -> dict[str, float]:
    """Every sample by its name with its labels, through the apiserver's proxy."""
    path = f"/api/v1/namespaces/{operator.namespace}/services/offheap-operator-metrics:8080/proxy/metrics"
    lines = kubectl.run("get", "--raw", path).splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def test_the_metrics_are_served(kubectl: Kubectl, operator: Operator) -> None:
    names = {sample.split("{")[0] for sample in metrics(kubectl, operator)}
    assert {"offheap_investigations_active", "offheap_collector_peak_bytes_count"} <= names


def test_each_line_of_the_log_is_json_and_none_is_about_a_probe(kubectl: Kubectl, operator: Operator) -> None:
    words = ("logs", f"deployment/{operator.name}", "-n", operator.namespace, "--tail=200")
    lines = [json.loads(line) for line in kubectl.run(*words).splitlines()]
    assert lines
    assert all({"message", "severity", "timestamp"} <= line.keys() for line in lines)
    assert not [line for line in lines if "'steps' succeeded" in line["message"]]


def test_the_image_is_small(kubectl: Kubectl, operator: Operator) -> None:
    images = [image for node in kubectl.items("nodes") for image in node["status"]["images"]]
    sizes = [i["sizeBytes"] for i in images if any("offheap/operator" in name for name in i.get("names") or ())]
    assert sizes
    assert max(sizes) <= MOST_IMAGE_BYTES
