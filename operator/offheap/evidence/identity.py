"""Which JVM this is: what the collector found out about the target before it measured anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_MAX_TEXT = 4096
_MAX_OPTIONS = 500


@dataclass(frozen=True, slots=True)
class AttachAbility:
    """Whether the JVM answers commands; if not, why (a CamelCase reason) and how to mend it."""

    ok: bool
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class JvmIdentity:
    """The target process. `options` are the -X and -XX words of its command line, nothing else of it."""

    pid: int
    start_time_ticks: int
    uid: int
    gid: int
    pid1: bool
    exe: str
    vm: str
    """HotSpot, OpenJ9, SubstrateVM or unknown."""
    vendor: str
    version: str
    feature: int | None
    update: int | None
    gc: str
    max_heap_bytes: int | None
    libc: str
    allocator: str
    nmt: str
    """off, summary, detail or unknown: what the process was started with."""
    attach: AttachAbility
    env_set: tuple[str, ...]
    """Names of the JVM's variables that are set in the target; their values never leave it."""
    options: tuple[str, ...]
    read_only_tmp: bool
    threads: int | None
    libc_version: str | None = None
    """Of glibc, such as 2.36; None when it could not be read."""

    @property
    def incarnation(self) -> tuple[int, int]:
        """Tells this process from every other of the pod: process id and start time."""
        return (self.pid, self.start_time_ticks)


def parse_identity(data: object) -> JvmIdentity:
    """From the collector's JSON object. Raises EvidenceError where a member is missing that nothing works without
    (pid, start_time_ticks), or has the wrong type."""
    if not isinstance(data, Mapping):
        raise EvidenceError("the identity is not an object")
    reader = _Reader(data)
    attach = _Reader(reader.object("attach"))
    return JvmIdentity(
        pid=reader.required_integer("pid"),
        start_time_ticks=reader.required_integer("start_time_ticks"),
        uid=reader.integer("uid") or 0,
        gid=reader.integer("gid") or 0,
        pid1=reader.boolean("pid1"),
        exe=reader.text("exe") or "",
        vm=reader.text("vm") or "unknown",
        vendor=reader.text("vendor") or "unknown",
        version=reader.text("version") or "unknown",
        feature=reader.integer("feature"),
        update=reader.integer("update"),
        gc=reader.text("gc") or "unknown",
        max_heap_bytes=reader.integer("max_heap_bytes"),
        libc=reader.text("libc") or "unknown",
        allocator=reader.text("allocator") or "unknown",
        nmt=reader.text("nmt") or "unknown",
        attach=AttachAbility(attach.boolean("ok"), attach.text("reason"), attach.text("message")),
        env_set=tuple(sorted(str(name)[:64] for name, is_set in reader.object("env").items() if is_set is True)),
        options=reader.texts("options"),
        read_only_tmp=reader.boolean("read_only_tmp"),
        threads=reader.integer("threads"),
        libc_version=reader.text("libc_version"),
    )


class _Reader:
    """Typed reading of one JSON object; a wrong type is an EvidenceError that names the member."""

    def __init__(self, data: Mapping[object, object]) -> None:
        self._data = data

    def integer(self, name: str) -> int | None:
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
            raise EvidenceError(f"identity: {name} is not a whole number")
        return value

    def required_integer(self, name: str) -> int:
        value = self.integer(name)
        if value is None:
            raise EvidenceError(f"identity: {name} is missing")
        return value

    def text(self, name: str) -> str | None:
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise EvidenceError(f"identity: {name} is not a text")
        return value[:_MAX_TEXT]

    def boolean(self, name: str) -> bool:
        value = self._data.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise EvidenceError(f"identity: {name} is neither true nor false")
        return value

    def object(self, name: str) -> Mapping[object, object]:
        value = self._data.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise EvidenceError(f"identity: {name} is not an object")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise EvidenceError(f"identity: {name} is not a list of texts")
        return tuple(word[:_MAX_TEXT] for word in value[:_MAX_OPTIONS])
