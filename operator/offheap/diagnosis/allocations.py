"""Who asked for the native memory that lives: the answers of all profilers in one shape.

A profiler of malloc sees the VM's own memory too (compilers, symbols, Unsafe.allocateMemory), which NMT books. Stacks are
parted by who called malloc: the VM, or somebody that NMT does not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offheap.evidence.grown_stacks import grown_stacks
from offheap.evidence.native_stacks import FrameKind, NativeStack
from offheap.evidence.sample import Evidence

_OF_THE_VM = re.compile(
    r"(?:^|/)libjvm\.so|^(?:os|CHeap\w*|Arena|Chunk|ChunkPool|ResourceArea)::|^AllocateHeap|^Unsafe_"
)
_BY_JAVA = re.compile(r"Unsafe_(?:Re)?[Aa]llocateMemory|[./]misc[./]Unsafe\.(?:re)?allocateMemory")
_OF_THE_JDK = ("java.", "javax.", "jdk.", "sun.", "com.sun.")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who holds the most of some stacks. Names are None where no frame tells them.

    `method` is the Java method nearest to the allocation; `caller` the first one at or above it that is the application's,
    and of another class where it is the application (or its library) that brings the native method. `function` is the native
    function that called the allocator. `share` is its part of all the stacks, 0 to 1.
    """

    method: str | None
    caller: str | None
    function: str | None
    bytes: int
    share: float

    @property
    def owner(self) -> str | None:
        """The one name to go and look at: the application's method, else the JDK's, else the native function."""
        return self.caller or self.method or self.function

    @property
    def words(self) -> str:
        """`java.util.zip.Inflater.init (native inflateInit2_), called by com.acme.Images.unpack`."""
        is_telling = self.function and not self.function.startswith("Java_") and not _OF_THE_VM.search(self.function)
        native = self.function if is_telling else None
        if self.method is None:
            return native or "an unknown place"
        inner = f"{self.method} (native {native})" if native else self.method
        return f"{inner}, called by {self.caller}" if self.caller and self.caller != self.method else inner


@dataclass(frozen=True, slots=True)
class Allocations:
    """What one profiler saw: memory that was allocated while it looked, and lives still.

    `seconds` is how long it looked, None when that is not known. `native` are stacks outside the VM, `by_java` those of
    Unsafe.allocateMemory (direct buffers, Unsafe, foreign memory), `vm` the VM's rest.
    """

    probe: str
    seconds: float | None
    native: tuple[NativeStack, ...]
    by_java: tuple[NativeStack, ...]
    vm: tuple[NativeStack, ...]

    @property
    def native_bytes(self) -> int:
        return sum(stack.weight_bytes for stack in self.native)


def allocations(evidence: Evidence) -> tuple[Allocations, ...]:
    """One for each profiler that ran, those with Java frames first."""
    found: list[Allocations] = []
    if evidence.native_stacks is not None:
        found.append(part("nativemem", evidence.native_stacks, evidence.native_seconds))
    symbols = dict(evidence.symbols)
    for allocator in dict.fromkeys(each.allocator for each in evidence.heap_profiles):
        taken = [each for each in evidence.heap_profiles if each.allocator == allocator]
        base = taken[0] if len(taken) > 1 else None
        grown = grown_stacks(base.profile if base else None, taken[-1].profile, symbols)
        found.append(part(allocator, grown, taken[-1].at - base.at if base else None))
    return tuple(found)


def part(probe: str, stacks: Iterable[NativeStack], seconds: float | None = None) -> Allocations:
    """The stacks by who called malloc."""
    native: list[NativeStack] = []
    by_java: list[NativeStack] = []
    vm: list[NativeStack] = []
    for stack in stacks:
        if any(_BY_JAVA.search(frame.name) for frame in stack.frames[-8:]):
            by_java.append(stack)
        elif _OF_THE_VM.search(stack.leaf):
            vm.append(stack)
        else:
            native.append(stack)
    return Allocations(probe, seconds, tuple(native), tuple(by_java), tuple(vm))


def main_asker(stacks: Sequence[NativeStack]) -> Asker | None:
    """Who holds the most: stacks are taken together by the method of the application, where it is known."""
    whole = sum(stack.weight_bytes for stack in stacks)
    if whole <= 0:
        return None
    named = [(stack, _java_names(stack)) for stack in stacks]
    sums: dict[str, int] = {}
    for stack, (method, caller) in named:
        name = caller or method or _function(stack) or ""
        sums[name] = sums.get(name, 0) + stack.weight_bytes
    lead = max(sums, key=lambda name: (sums[name], name))
    of_lead = [each for each in named if (each[1][1] or each[1][0] or _function(each[0]) or "") == lead]
    stack, (method, caller) = max(of_lead, key=lambda each: each[0].weight_bytes)
    return Asker(method, caller, _function(stack), sums[lead], sums[lead] / whole)


def _java_names(stack: NativeStack) -> tuple[str | None, str | None]:
    """(method nearest to the allocation, who called it: see Asker), with dots."""
    names = [frame.name.replace("/", ".") for frame in reversed(stack.frames) if frame.kind is FrameKind.JAVA]
    method = names[0] if names else stack.java_frame
    if method is None:
        return None, None
    is_jdks = method.startswith(_OF_THE_JDK)
    wrapper = method.rpartition(".")[0]
    others = (
        name for name in names if not name.startswith(_OF_THE_JDK) and (is_jdks or name.rpartition(".")[0] != wrapper)
    )
    return method, next(others, None if is_jdks else method)


def _function(stack: NativeStack) -> str | None:
    """The function that called the allocator, or the library it lies in where it has no name."""
    leaf = stack.leaf.rpartition("/")[2].partition("+0x")[0]
    return None if leaf.startswith("[") else leaf or None
