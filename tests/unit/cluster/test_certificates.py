"""The certificates are believed by those who will check them: TLS on both sides, as strictly as Python can."""

import json
import ssl
from base64 import b64decode
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from cluster import certificates, settings
from cluster.settings import KUBERNETES_SERVICE_ADDRESS, NODE_ADDRESS, Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "STATE_ROOT", tmp_path_factory.mktemp("state"))
        made = Cluster("trial")
        certificates.ensure(made)
        yield made


def shake_hands(cluster: Cluster, server: str, client: str, name: str) -> None:
    """A TLS handshake in memory in which each side demands a certificate of the other."""
    strict = ssl.VERIFY_X509_STRICT
    ours = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(cluster.pki / "ca.crt"))
    ours.load_cert_chain(cluster.pki / f"{client}.crt", cluster.pki / f"{client}.key")
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(cluster.pki / "ca.crt"))
    theirs.load_cert_chain(cluster.pki / f"{server}.crt", cluster.pki / f"{server}.key")
    theirs.verify_mode = ssl.CERT_REQUIRED
    ours.verify_flags |= strict
    theirs.verify_flags |= strict
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        ours.wrap_bio(to_client, to_server, server_hostname=name),
        theirs.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(8):
        for side in tuple(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                continue
    assert not sides


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", NODE_ADDRESS, KUBERNETES_SERVICE_ADDRESS, "kubernetes.default"]
)
def test_the_apiserver_is_believed_under_all_its_names(cluster: Cluster, name: str) -> None:
    shake_hands(cluster, "apiserver", "admin", name)


def test_the_kubelet_and_the_apiserver_believe_each_other(cluster: Cluster) -> None:
    shake_hands(cluster, "kubelet-server", "apiserver-kubelet-client", NODE_ADDRESS)


def test_a_client_is_no_server(cluster: Cluster) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(cluster, "admin", "admin", "localhost")


def test_another_clusters_admin_is_not_believed(cluster: Cluster) -> None:
    other = Cluster("other")
    certificates.ensure(other)
    with pytest.raises(ssl.SSLError):
        shake_hands(cluster, "apiserver", f"../../{other.name}/pki/admin", "localhost")


def test_every_user_is_who_kubernetes_takes_it_for(cluster: Cluster) -> None:
    for identity in certificates.identities(cluster):
        kubeconfig = json.loads(certificates.kubeconfig_text(cluster, identity.file, "https://127.0.0.1:1"))
        embedded = b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"])
        subject = x509.load_pem_x509_certificate(embedded).subject
        assert [part.value for part in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [identity.user]
        groups = [part.value for part in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        assert groups == ([identity.group] if identity.group else [])


def test_what_is_complete_stays(cluster: Cluster) -> None:
    before = {file.name: file.read_bytes() for file in cluster.pki.iterdir()}
    certificates.ensure(cluster)
    assert {file.name: file.read_bytes() for file in cluster.pki.iterdir()} == before


def test_secrets_are_for_the_owner_only(cluster: Cluster) -> None:
    assert all(file.stat().st_mode & 0o077 == 0 for file in cluster.pki.glob("*.key"))
