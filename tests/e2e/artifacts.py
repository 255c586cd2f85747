"""What an investigation has left in the artifact store, read where the operator keeps it: a directory in its pod."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .kubectl import Json
from .operator import Operator

SCHEME = "file://"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of one finished investigation; ``folder`` is where they are, ``manifest`` their table of contents."""

    operator: Operator
    folder: str
    manifest: Json

    @property
    def names(self) -> list[str]:
        """Of all files."""
        return [one["name"] for one in self.manifest["files"]]

    def of_kind(self, kind: str) -> list[str]:
        """Names of the files of this kind."""
        return [one["name"] for one in self.manifest["files"] if one["kind"] == kind]

    def data(self, start: str) -> bytes:
        """The bytes of the first file whose name begins so, unpacked; as stored they have the size and hash of the manifest."""
        found = next((one for one in self.manifest["files"] if one["name"].startswith(start)), None)
        assert found is not None, f"no artifact {start}*, only {self.names}"
        data = _read(self.operator, f"{self.folder}/{found['name']}")
        assert (len(data), hashlib.sha256(data).hexdigest()) == (found["size_bytes"], found["sha256"]), found
        return gzip.decompress(data) if found["name"].endswith(".gz") else data

    def text(self, start: str) -> str:
        """The same as text."""
        return self.data(start).decode()

    def json(self, start: str) -> Any:
        """The same as JSON."""
        return json.loads(self.data(start))


def artifacts(operator: Operator, mi: Json) -> Artifacts:
    """Those of a finished investigation; there must be some, and what its status shows of them is what the manifest says."""
    shown = mi["status"].get("artifacts", [])
    assert shown, f"no artifacts: {mi['status'].get('outcome')}, {mi['status'].get('conditions')}"
    folder = shown[0]["uri"].removesuffix("/" + shown[0]["id"])
    manifest = json.loads(_read(operator, f"{folder}/{MANIFEST}"))
    told = {one["name"]: (one["kind"], one["size_bytes"], one["sha256"]) for one in manifest["files"]}
    for one in shown:
        assert one["id"] == MANIFEST or told[one["id"]] == (one["kind"], one["size"], one["sha256"]), one
    return Artifacts(operator, folder, manifest)


def _read(operator: Operator, uri: str) -> bytes:
    assert uri.startswith(SCHEME), f"{uri} is not in a directory"
    program = "import base64, pathlib, sys; print(base64.b64encode(pathlib.Path(sys.argv[1]).read_bytes()).decode())"
    words = ("exec", "-n", operator.namespace, f"deployment/{operator.name}", "--")
    return base64.b64decode(operator.kubectl.run(*words, "python3", "-c", program, uri.removeprefix(SCHEME)))
