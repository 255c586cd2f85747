"""The cluster's certificate authority, the certificates of its parts, and the kubeconfigs that carry them."""

import datetime
import ipaddress
import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .settings import APISERVER_PORT, KUBERNETES_SERVICE_ADDRESS, NODE_ADDRESS, Cluster

LIFETIME = datetime.timedelta(days=3650)
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class Identity:
    """Whom a certificate names; Kubernetes reads the common name as the user and the organisation as the group."""

    file: str
    user: str
    group: str | None = None


def identities(cluster: Cluster) -> tuple[Identity, ...]:
    """Everybody who speaks to the apiserver, and the apiserver itself as the kubelet's client."""
    return (
        Identity("admin", "offheap-admin", "system:masters"),
        Identity("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("proxy", "system:kube-proxy"),
        Identity("kubelet", f"system:node:{cluster.name}", "system:nodes"),
    )


def ensure(cluster: Cluster) -> None:
    """Writes what is missing; the last file is written last, so an interrupted run starts over."""
    pki = cluster.pki
    if (pki / "complete").exists():
        return
    pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key = _write_key(pki / "ca.key")
    authority = _name("offheap-ca")
    authority_builder = (
        _builder(authority, authority, authority_key)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    _write_certificate(pki / "ca.crt", authority_builder, authority_key)
    for server in ("apiserver", "kubelet-server"):
        key = _write_key(pki / f"{server}.key")
        addresses = [ipaddress.ip_address(text) for text in ("127.0.0.1", NODE_ADDRESS, KUBERNETES_SERVICE_ADDRESS)]
        names = [x509.DNSName(name) for name in (*SERVER_NAMES, cluster.name)]
        builder = _leaf(_name(server), authority, authority_key, key).add_extension(
            x509.SubjectAlternativeName([*names, *map(x509.IPAddress, addresses)]), critical=False
        )
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        _write_certificate(pki / f"{server}.crt", builder.add_extension(usage, critical=False), authority_key)
    for identity in identities(cluster):
        key = _write_key(pki / f"{identity.file}.key")
        builder = _leaf(_name(identity.user, identity.group), authority, authority_key, key).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        _write_certificate(pki / f"{identity.file}.crt", builder, authority_key)
        server_url = f"https://{NODE_ADDRESS}:{APISERVER_PORT}"
        kubeconfig = kubeconfig_text(cluster, identity.file, server_url)
        _write(pki / f"{identity.file}.kubeconfig", kubeconfig.encode())
    public = _write_key(pki / "service-account.key").public_key()
    _write(
        pki / "service-account.pub",
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    (pki / "complete").touch()


def kubeconfig_text(cluster: Cluster, identity: str, server_url: str) -> str:
    """A kubeconfig (JSON, which is YAML) with everything inside, so that it can be copied anywhere."""

    def embedded(file: str) -> str:
        return b64encode((cluster.pki / file).read_bytes()).decode()

    name = cluster.name
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {"name": name, "cluster": {"server": server_url, "certificate-authority-data": embedded("ca.crt")}}
            ],
            "users": [
                {
                    "name": identity,
                    "user": {
                        "client-certificate-data": embedded(f"{identity}.crt"),
                        "client-key-data": embedded(f"{identity}.key"),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        },
        indent=1,
    )


def _name(user: str, group: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _leaf(
    subject: x509.Name, issuer: x509.Name, authority_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    """With the extensions that a strict verifier demands; Python is one by default since 3.13."""
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject, issuer, key)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(authority, critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_certificate(path: Path, builder: x509.CertificateBuilder, authority_key: ec.EllipticCurvePrivateKey) -> None:
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(path, key.private_bytes(encoding, form, serialization.NoEncryption()))
    return key


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
