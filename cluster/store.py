"""Puts locally built images into the node's containerd."""

import json
import tempfile
from pathlib import Path

from . import packages
from .progress import Failed, run, step
from .settings import Cluster

BUILDERS = ("buildah", "podman", "docker")
IMPORT_TIMEOUT_SECONDS = 300


def qualified(image: str) -> str:
    """The name as containerd and the kubelet complete it."""
    first = image.partition("/")[0]
    named = image if "/" in image and (set(".:") & set(first) or first == "localhost") else f"docker.io/{image}"
    return named if ":" in named.rpartition("/")[2] or "@" in named else f"{named}:latest"


def load(cluster: Cluster, image: str) -> None:
    """Imports an image that is in the builder's store, unless the node has the same one."""
    name = qualified(image)
    builder, wanted = local_id(name)
    if node_id(cluster, name) == wanted:
        print(f"✓ {image} is in the node already", flush=True)
        return
    with step(f"loading {image} into {cluster.name}"), tempfile.TemporaryDirectory(prefix="offheap-image-") as folder:
        archive = Path(folder) / "image.tar"
        export(builder, name, archive)
        import_archive(cluster, archive)
    if node_id(cluster, name) != wanted:
        raise Failed(f"the node has {name} as {node_id(cluster, name)}, not as {wanted}")


def export(builder: str, name: str, archive: Path) -> None:
    """Writes a docker-archive of the image."""
    commands = {
        "buildah": ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"],
        "podman": ["podman", "save", "--quiet", "--format=docker-archive", f"--output={archive}", name],
        "docker": ["docker", "save", f"--output={archive}", name],
    }
    run(commands[builder], IMPORT_TIMEOUT_SECONDS)


def import_archive(cluster: Cluster, archive: Path) -> None:
    """Imports a docker-archive into the namespace of containerd in which the kubelet looks."""
    _ctr(cluster, "images", "import", "--no-unpack=false", str(archive))


def local_id(name: str) -> tuple[str, str]:
    """The builder that has the image, and the image's id: the digest of its configuration, the same in every store."""
    for builder in BUILDERS:
        if not packages.present(builder):
            continue
        arguments = {
            "buildah": ["buildah", "inspect", "--type=image", "--format={{.FromImageID}}", name],
            "podman": ["podman", "image", "inspect", "--format={{.Id}}", name],
            "docker": ["docker", "image", "inspect", "--format={{.Id}}", name],
        }[builder]
        try:
            return builder, run(arguments).strip().removeprefix("sha256:")
        except Failed:
            continue
    raise Failed(
        f"no image {name} in {', '.join(filter(packages.present, BUILDERS)) or 'any builder (none is installed)'}"
    )


def node_id(cluster: Cluster, name: str) -> str | None:
    """The image's id in the node: containerd lists it a second time under its configuration's digest."""
    digests: dict[str, str] = {}
    for line in _ctr(cluster, "images", "ls").splitlines()[1:]:
        reference, _, digest, *_ = line.split()
        digests[reference] = digest
    if name not in digests:
        return None
    manifest = json.loads(_ctr(cluster, "content", "get", digests[name]))
    return str(manifest["config"]["digest"]).removeprefix("sha256:")


def _ctr(cluster: Cluster, *arguments: str) -> str:
    command = ["ctr", "--address", str(cluster.containerd_socket), "--namespace", "k8s.io", *arguments]
    return run(command, IMPORT_TIMEOUT_SECONDS)
