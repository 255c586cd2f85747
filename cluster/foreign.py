"""Uses a cluster that is not ours to make: one that kind makes, or one that exists (KUBECONFIG)."""

import os
import shutil
import tempfile
from pathlib import Path

from . import checkout, packages, store
from .progress import Failed, run, step
from .settings import Cluster

KIND_TIMEOUT_SECONDS = 600


def existing_up(cluster: Cluster) -> None:
    """Copies the environment's KUBECONFIG to where everything here looks for it, and asks whether the cluster answers."""
    given = os.environ.get("KUBECONFIG")
    if not given:
        raise Failed("CLUSTER=existing needs KUBECONFIG")
    if Path(given).resolve() != cluster.kubeconfig.resolve():
        checkout.write(cluster, run(["kubectl", "config", "view", "--raw", "--minify", "--flatten"]), _kubectl())
    run(["kubectl", f"--kubeconfig={cluster.kubeconfig}", "--request-timeout=10s", "get", "--raw=/readyz"])
    print(f"✓ using the cluster of {given}: KUBECONFIG={cluster.kubeconfig}")


def existing_load(image: str) -> None:
    """Says what to do: how images get into a cluster of somebody else's is not ours to know."""
    print(
        f"· CLUSTER=existing: {image} is not loaded; push it to a registry that the cluster reads,"
        " and say its name there in the manifests"
    )


def kind_up(cluster: Cluster) -> None:
    """Makes the kind cluster unless it is there, and writes its kubeconfig."""
    if not packages.present("kind"):
        raise Failed("CLUSTER=kind needs the kind program")
    if cluster.name not in run(["kind", "get", "clusters"]).split():
        with step(f"kind create cluster {cluster.name}"):
            cluster.checkout.mkdir(parents=True, exist_ok=True)
            command = [
                "kind",
                "create",
                "cluster",
                f"--name={cluster.name}",
                "--wait=3m",
                f"--kubeconfig={cluster.kubeconfig}",
            ]
            run(command, KIND_TIMEOUT_SECONDS)
    checkout.write(cluster, run(["kind", "get", "kubeconfig", "--name", cluster.name]), _kubectl())
    print(f"✓ kind cluster {cluster.name}: KUBECONFIG={cluster.kubeconfig}")


def kind_down(cluster: Cluster) -> None:
    """Deletes the kind cluster."""
    run(["kind", "delete", "cluster", "--name", cluster.name], KIND_TIMEOUT_SECONDS)
    checkout.remove(cluster)


def kind_load(cluster: Cluster, image: str) -> None:
    """Loads through an archive, which works for images of buildah and podman too."""
    name = store.qualified(image)
    builder, _ = store.local_id(name)
    with step(f"kind load {image}"), tempfile.TemporaryDirectory(prefix="offheap-image-") as folder:
        archive = Path(folder) / "image.tar"
        store.export(builder, name, archive)
        run(["kind", "load", "image-archive", archive, "--name", cluster.name], KIND_TIMEOUT_SECONDS)


def status(cluster: Cluster) -> bool:
    """Whether the apiserver behind the kubeconfig is ready, and its nodes."""
    if not cluster.kubeconfig.exists():
        print("no cluster: run make cluster-up")
        return False
    try:
        print(run(["kubectl", f"--kubeconfig={cluster.kubeconfig}", "--request-timeout=10s", "get", "nodes"]), end="")
    except Failed as failure:
        print(f"✗ {failure}")
        return False
    return True


def _kubectl() -> Path:
    found = shutil.which("kubectl")
    if found is None:
        raise Failed("kubectl is not installed")
    return Path(found).resolve()  # the first on the path may be the link itself that is written with it
