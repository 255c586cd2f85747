"""How kopf finds the apiserver from inside a cluster."""

from __future__ import annotations

import kopf
import pytest

from offheap.handlers import by_address

BY_NAME = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t", default_namespace="offheap-system")


@pytest.mark.parametrize(
    ("environ", "server"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, "https://10.96.0.1:6443"),
        ({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, "https://[fd00::1]:443"),
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, "https://10.96.0.1:443"),
        ({}, "https://kubernetes.default.svc"),
    ],
)
def test_the_apiserver_is_found_without_dns(environ: dict[str, str], server: str) -> None:
    found = by_address(BY_NAME, environ)
    assert found.server == server
    assert (found.token, found.default_namespace) == ("t", "offheap-system")
