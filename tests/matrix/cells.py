"""The kinds of JVM that the matrix is about: every combination, in the order in which the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ..e2e.kubectl import Json
from ..e2e.lab import deployment, jvm

JDKS = (8, 11, 17, 21, 25)
PROGRAM = "deflater"
"""It grows by malloc, so that each probe has something to see."""


@dataclass(frozen=True)
class Variant:
    """How a pod runs its JVM, apart from the JDK."""

    root: bool
    read_only: bool
    nmt: bool

    @property
    def title(self) -> str:
        """A column's head."""
        words = ["root" if self.root else "uid 10001"]
        words += ["read-only"] * self.read_only + ["NMT"] * self.nmt
        return ", ".join(words)


@dataclass(frozen=True)
class Cell:
    """One JVM."""

    jdk: int
    variant: Variant

    @property
    def name(self) -> str:
        """A name for its Deployment and its investigation."""
        v = self.variant
        return f"jdk{self.jdk}" + "-root" * v.root + "-readonly" * v.read_only + "-nmt" * v.nmt

    def deployment(self) -> Json:
        """Its pod, with the image's user and no volume unless the variant says otherwise."""
        v = self.variant
        options = ["-XX:NativeMemoryTracking=summary"] if v.nmt else []
        container = jvm(PROGRAM, self.jdk, options=options)
        container["securityContext"] = container["securityContext"] | {"readOnlyRootFilesystem": v.read_only}
        made = deployment(self.name, container)
        if v.root:
            made["spec"]["template"]["spec"]["securityContext"] = {"runAsUser": 0, "runAsGroup": 0}
        return made


VARIANTS = tuple(Variant(root, read_only, nmt) for root, read_only, nmt in product((False, True), repeat=3))
CELLS = tuple(Cell(jdk, variant) for jdk in JDKS for variant in VARIANTS)
