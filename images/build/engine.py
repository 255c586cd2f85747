"""The image builder of this machine: buildah, podman or docker."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import packages
from cluster.progress import Failed, run, run_logged
from cluster.store import BUILDERS

CONTENT_LABEL = "dev.offheap.content"
BUILD_TIMEOUT_SECONDS = 1800
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
JAVA_CERTIFICATES = Path("/etc/ssl/certs/java/cacerts")
MAVEN_SETTINGS = (Path.home() / ".m2/settings.xml", Path("/etc/maven/settings.xml"))
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Engine:
    """One builder, by the name of its program."""

    name: str

    def label(self, image: str) -> str | None:
        """The hash of the content that the image was built from, None when there is no such image."""
        by_label = '"' + CONTENT_LABEL + '"'
        command = {
            "buildah": [
                "buildah",
                "inspect",
                "--type=image",
                f"--format={{{{index .OCIv1.Config.Labels {by_label}}}}}",
            ],
            "podman": ["podman", "image", "inspect", f"--format={{{{index .Labels {by_label}}}}}"],
            "docker": ["docker", "image", "inspect", f"--format={{{{index .Config.Labels {by_label}}}}}"],
        }[self.name]
        try:
            return run([*command, image]).strip()
        except Failed:
            return None

    def has(self, image: str) -> bool:
        return self.label(image) is not None

    def build(self, image: str, dockerfile: Path, context: Path, content: str, log: Path, settings: Path) -> None:
        """Builds an ordinary Dockerfile; `settings` is a folder for what the machine's network asks for."""
        commands: dict[str, list[str | Path]] = {
            "buildah": ["buildah", "bud", "--layers", "--isolation=chroot", *_mounts(settings)],
            "podman": ["podman", "build", "--layers", *_mounts(settings)],
            "docker": ["docker", "build"],
        }
        arguments: list[str | Path] = [
            f"--build-arg={name}={os.environ[name]}" for name in PROXIES if name in os.environ
        ]
        arguments += [f"--label={CONTENT_LABEL}={content}", f"--tag={image}", f"--file={dockerfile}", context]
        run_logged([*commands[self.name], *arguments], log, BUILD_TIMEOUT_SECONDS)

    def take_base(self, image: str, content: str, root: Path) -> None:
        """Makes an image of one layer from a packed root file system."""
        change = [f"--change=LABEL {CONTENT_LABEL}={content}", '--change=CMD ["bash"]']
        if self.name != "buildah":
            run([self.name, "import", *change, root, image], BUILD_TIMEOUT_SECONDS)
            return
        working = run(["buildah", "from", "scratch"]).strip()
        try:
            run(["buildah", "add", "--quiet", working, root, "/"], BUILD_TIMEOUT_SECONDS)
            run(["buildah", "config", f"--label={CONTENT_LABEL}={content}", "--cmd=bash", working])
            run(["buildah", "commit", "--quiet", working, image], BUILD_TIMEOUT_SECONDS)
        finally:
            run(["buildah", "rm", working])


def find() -> Engine:
    """OFFHEAP_BUILDER, else the first that works, else buildah is installed: it needs no daemon."""
    wanted = os.environ.get("OFFHEAP_BUILDER")
    if wanted and wanted not in BUILDERS:
        raise Failed(f"OFFHEAP_BUILDER={wanted}: one of {', '.join(BUILDERS)}")
    for name in [wanted] if wanted else BUILDERS:
        if packages.present(name) and _works(name):
            return Engine(name)
    if wanted not in (None, "buildah"):
        raise Failed(f"OFFHEAP_BUILDER={wanted} is not installed, or its daemon does not run")
    # buildah asks for netavark even where a build uses the host's network.
    packages.ensure({"buildah": "buildah", "crun": "crun", "/usr/lib/podman/netavark": "netavark"})
    if shutil.which("buildah") is None:
        raise Failed("the package buildah brought no program")
    return Engine("buildah")


def _works(name: str) -> bool:
    """A docker program without its daemon builds nothing."""
    try:
        run([name, "info"])
    except Failed:
        return False
    return True


def _mounts(settings: Path) -> list[str | Path]:
    """Gives pip and Maven in a build what this machine's network asks for: certificates, and Maven's own settings.

    Only empty mount points stay in the image.
    """
    mounts: list[str | Path] = []
    if CERTIFICATES.exists():
        bundle = "/run/build-certificates.crt"
        configuration = settings / "pip.conf"
        configuration.write_text(f"[global]\ncert = {bundle}\n")
        mounts += [f"--volume={CERTIFICATES}:{bundle}:ro", f"--volume={configuration}:/etc/pip.conf:ro"]
    if JAVA_CERTIFICATES.exists():
        store = "/run/build-certificates.jks"
        configuration = settings / "mavenrc"
        configuration.write_text(f'MAVEN_OPTS="$MAVEN_OPTS -Djavax.net.ssl.trustStore={store}"\n')
        mounts += [f"--volume={JAVA_CERTIFICATES}:{store}:ro", f"--volume={configuration}:/etc/mavenrc:ro"]
    if found := next((file for file in MAVEN_SETTINGS if file.exists()), None):
        mounts.append(f"--volume={found}:/root/.m2/settings.xml:ro")
    return mounts
