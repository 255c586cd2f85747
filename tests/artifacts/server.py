"""A real S3 server as a process of this test run: versitygw on a directory, built from its pinned module and kept by content."""

import datetime
import hashlib
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster import toolchain
from cluster.progress import run, run_logged, step
from cluster.settings import cache

MODULE = Path(__file__).parent / "s3server"
ACCESS_KEY, SECRET_KEY = "TESTACCESSKEY", "test-secret-key"
BUILD_TIMEOUT_SECONDS = 1800
START_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """``root`` holds a folder for each bucket; ``authority`` is the certificate to trust, if it speaks TLS."""

    endpoint: str
    root: Path
    authority: Path | None = None

    def environment(self) -> dict[str, str]:
        """What the operator's deployment would set."""
        found = {
            "AWS_ENDPOINT": self.endpoint,
            "AWS_ALLOW_HTTP": "false" if self.authority else "true",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }
        return found | ({"AWS_CA_BUNDLE": str(self.authority)} if self.authority else {})


def program() -> Path:
    """The server's program, built if no earlier build was of the same module by the same compiler."""
    go = toolchain.ensure(toolchain.needed_by([(MODULE / "go.mod").read_text()]))
    environment = (
        os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"} | dict(go.environment)
    )
    compiler = run([go.program, "version"], toolchain.DOWNLOAD_TIMEOUT_SECONDS, MODULE, environment)
    digest = hashlib.sha256(compiler.encode())
    for file in sorted(MODULE.glob("go.*")):
        digest.update(file.read_bytes())
    target = cache() / "programs" / f"s3server-{digest.hexdigest()[:16]}"
    if target.exists():
        return target
    building = target.with_name(f"{target.name}.{os.getpid()}")
    building.parent.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = ["nice", go.program, "build", "-trimpath", "-ldflags", "-s -w", "-o", building, "tool"]
    with step("building an S3 server (once; 2 to 4 minutes on 2 cores)"):
        run_logged(command, cache() / "logs" / "s3server-build.log", BUILD_TIMEOUT_SECONDS, MODULE, environment)
    building.rename(target)
    return target


@contextmanager
def serving(folder: Path, *, tls: bool = False) -> Iterator[Server]:
    """A server on a loopback port, with its data below `folder`, until the block ends."""
    root, beside = folder / "data", folder / "metadata"
    for one in (root, beside):
        one.mkdir(parents=True)
    port = _free_port()
    certificate = _certificate(folder) if tls else None
    secure = ["--cert", str(certificate.server), "--key", str(certificate.key)] if certificate else []
    address = f"127.0.0.1:{port}"
    command = [str(program()), "--port", address, "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet", *secure]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "posix", "--sidecar", beside, root], stdout=log, stderr=log)
        try:
            _answers(port, process, folder / "log")
            yield Server(f"http{'s' if tls else ''}://{address}", root, certificate.authority if certificate else None)
        finally:
            process.terminate()
            process.wait(20)
    shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the S3 server does not listen: {log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True)
class _Certificate:
    server: Path
    key: Path
    authority: Path


def _certificate(folder: Path) -> _Certificate:
    """For the loopback address, signed by an authority that nobody knows."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _signed("offheap test authority", authority_key, "offheap test authority", authority_key)
    server = _signed("offheap test server", key, "offheap test authority", authority_key)
    files = _Certificate(folder / "server.pem", folder / "key.pem", folder / "authority.pem")
    files.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, *secret))
    return files


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: str, by_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=name == by, path_length=None), critical=True)
        .sign(by_key, hashes.SHA256())
    )
