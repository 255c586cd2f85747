"""The pod sandbox's image: one static program, packed as an image archive without any image builder."""

import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

from .progress import run
from .settings import cache

IMAGE = "docker.io/offheap/pause:dev"
SOURCE = Path(__file__).with_name("pause.c")


def archive() -> Path:
    """The image as a docker-archive in the cache, compiled if this source was never compiled before."""
    target = cache() / "images" / f"pause-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.tar"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        program, packed = Path(folder) / "pause", Path(folder) / "image.tar"
        run(["cc", "-Os", "-s", "-static", "-Wall", "-Werror", "-o", program, SOURCE])
        layer = _tar({"pause": program.read_bytes()})
        configuration = json.dumps(
            {
                "architecture": _architecture(),
                "os": "linux",
                "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            }
        ).encode()
        name = f"{hashlib.sha256(configuration).hexdigest()}.json"
        manifest = json.dumps([{"Config": name, "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]).encode()
        packed.write_bytes(_tar({name: configuration, "layer.tar": layer, "manifest.json": manifest}))
        packed.rename(target)
    return target


def _tar(files: dict[str, bytes]) -> bytes:
    """The same files give the same bytes: no times, no owners."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _architecture() -> str:
    machine = run(["uname", "-m"]).strip()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
