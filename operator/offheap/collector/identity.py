"""Who the JVM is: what a person or a rule must know before any number means something.

Two sources: /proc, which is always there, and the JVM itself, when it may be attached to. What neither tells is
"unknown" or None, never guessed.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from offheap.collector.attach import Attach
from offheap.collector.elf import is_native_image
from offheap.collector.options import is_on, jvm_options, max_heap_bytes, option_lines, value_of
from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.plan import Target
from offheap.collector.procfs import Proc, mount_of
from offheap.collector.rooted import open_in_root, read_in_root
from offheap.collector.text import Text, clean, short

VARIABLES = (
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "LD_PRELOAD",
    "MALLOC_CONF",
    "MALLOC_ARENA_MAX",
    "HEAPPROFILE",
    "NMT_LEVEL",
)
_VERSION = re.compile(r"^JDK (\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,5}))?(?:[._](\d{1,5}))?", re.MULTILINE)
_RELEASE_VERSION = re.compile(r"^(?:1\.)?(\d{1,3})(?:\.\d{1,3}\.(\d{1,5}))?(?:\.0_(\d{1,5}))?")
_COLLECTORS = (
    ("UseG1GC", "G1"),
    ("UseSerialGC", "Serial"),
    ("UseParallelGC", "Parallel"),
    ("UseZGC", "Z"),
    ("UseShenandoahGC", "Shenandoah"),
    ("UseConcMarkSweepGC", "CMS"),
    ("UseEpsilonGC", "Epsilon"),
)
_COLLECTOR_THREADS = (("G1 ", "G1"), ("ZD", "Z"), ("Shenandoah", "Shenandoah"), ("CMS", "CMS"))
_LIBC_VERSION = re.compile(rb"GNU C Library [^\n\0]{0,80}release version (\d{1,2}\.\d{1,3})")
_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


class Jvm(NamedTuple):
    """What the probes need to know of the target. `texts` are the answers that told it: version, flags, command_line."""

    target: Target
    nspid: int
    feature: int
    nmt: str
    identity: dict[str, object]
    texts: dict[str, str]


class _Version(NamedTuple):
    """ "17.0.15" as 17 and 15; JDK 8's "8.0_504" as 8 and 504."""

    text: str
    feature: int
    update: int


def identify(proc: Proc, target: Target, attach: Attach) -> tuple[Jvm, list[Skip]]:
    """Closes `attach` when it cannot work. The skips say what of /proc could not be read."""
    pid = target.pid
    skips = []
    try:
        files = proc.mapped_files(pid)
    except OSError:
        files = set()
        skips.append(permission_denied(f"/proc/{pid}/maps"))
    virtual_machine = _virtual_machine(proc, pid, files)
    options = jvm_options(proc.arguments(pid))
    variables, hidden_options = _environment(proc, pid)
    if virtual_machine in ("OpenJ9", "SubstrateVM"):
        attach.refuse(
            Skip(
                f"{virtual_machine}Unsupported",
                f"the process runs {virtual_machine}, which has no native memory tracking to ask; /proc evidence goes on",
            )
        )
    elif is_on([*options, *hidden_options], "DisableAttachMechanism"):
        attach.refuse(
            Skip(
                "AttachDisabled",
                "the JVM runs with -XX:+DisableAttachMechanism: take the option away to allow attaching",
            )
        )
    attach.preflight()
    texts = _ask(attach)
    # The JVM's own list holds what the environment and files added, and what it chose by itself.
    known = options + texts.get("flags", "").split()
    version, vendor = _parse_version(texts.get("version", "")), _release(proc, pid, files)
    if not version:
        version = _parse_release(vendor.get("JAVA_VERSION", ""))
    status, stat = proc.status(pid), proc.stat(pid)
    tmp = mount_of(proc.mounts(pid), "/tmp")  # noqa: S108 - HotSpot's path
    libc = _libc(files)
    nmt = _nmt(attach, known)
    refusal = attach.refusal
    identity: dict[str, object] = {
        "pid": pid,
        "start_time_ticks": target.start_time_ticks,
        "uid": status.uid if status else None,
        "gid": status.gid if status else None,
        "pid1": bool(status and status.nspid == 1),
        "exe": short(proc.exe(pid) or "unknown"),
        "vm": virtual_machine,
        "vendor": short(vendor.get("IMPLEMENTOR", "unknown"), 100),
        "version": version.text if version else "unknown",
        "feature": version.feature if version else None,
        "update": version.update if version else None,
        "gc": _collector(proc, pid, known),
        "max_heap_bytes": max_heap_bytes(known),
        "libc": libc,
        "libc_version": _libc_version(proc.path(pid, "root"), files) if libc == "glibc" else None,
        "allocator": _allocator(files, libc),
        "nmt": nmt,
        "attach": {
            "ok": refusal is None,
            "reason": refusal.reason if refusal else None,
            "message": short(refusal.message) if refusal else None,
        },
        "env": variables,
        "options": options,
        "read_only_tmp": bool(tmp and tmp.read_only),
        "threads": stat.threads if stat else 0,
    }
    return Jvm(target, status.nspid if status else pid, version.feature if version else 0, nmt, identity, texts), skips


def _ask(attach: Attach) -> dict[str, str]:
    texts = {}
    for name, command in (("version", "VM.version"), ("flags", "VM.flags"), ("command_line", "VM.command_line")):
        try:
            texts[name] = attach.jcmd(command)[0].head
        except Skip:
            # The refusal, when it is one, is told in the identity.
            continue
    if "flags" in texts:
        texts["flags"] = option_lines(texts["flags"])
    if "command_line" in texts:
        texts["command_line"] = option_lines(texts["command_line"], keep=("VM Arguments:", "jvm_args:"))
    return texts


def _nmt(attach: Attach, options: list[str]) -> str:
    """The flag says what was asked for, only the JVM what is: on some versions the variable is silently ignored."""
    level = value_of(options, "NativeMemoryTracking")
    wanted = level if level in ("off", "summary", "detail") else None
    try:
        answer: Text = attach.jcmd("VM.native_memory summary")[0]
    except Skip:
        return "unknown" if attach.refusal else "off"
    if "Native Memory Tracking:" not in answer.head:
        return "off"
    return wanted if wanted in ("summary", "detail") else "summary"


def _virtual_machine(proc: Proc, pid: int, files: set[str]) -> str:
    names = {os.path.basename(path) for path in files}
    if "libjvm.so" in names:
        # OpenJ9 has a libjvm.so too, which only leads on to its own.
        return "OpenJ9" if any(name.startswith("libj9vm") for name in names) else "HotSpot"
    return "SubstrateVM" if is_native_image(proc.path(pid, "exe")) else "unknown"


def _environment(proc: Proc, pid: int) -> tuple[dict[str, bool], list[str]]:
    """Which of the variables are set, and, for our own eyes only, the options in them. The values never leave."""
    try:
        entries = proc.read(pid, "environ", 1 << 20).split(b"\0")
    except OSError:
        entries = []
    values = {}
    for entry in entries:
        name, _, value = entry.partition(b"=")
        values[name.decode("ascii", "replace")] = value
    # The variable is NMT_LEVEL_<pid> in the wild.
    is_set = {name: name in values or any(key.startswith(name + "_") for key in values) for name in VARIABLES}
    options = b" ".join(values.get(name, b"") for name in VARIABLES[:3]).decode("utf-8", "replace").split()
    return is_set, options


def _release(proc: Proc, pid: int, files: set[str]) -> dict[str, str]:
    """The `release` file of its Java home: lines KEY="value"."""
    library = next((path for path in files if path.endswith("/libjvm.so")), None)
    if library is None:
        return {}
    home = library.rpartition("/lib/")[0]
    for place in (home, home.removesuffix("/jre")):
        try:
            raw = read_in_root(proc.path(pid, "root"), f"{place}/release", 64 << 10)
        except OSError:
            continue
        pairs = (line.partition("=") for line in clean(raw).split("\n"))
        return {key.strip(): value.strip().strip('"') for key, _, value in pairs}
    return {}


def _parse_version(text: str) -> _Version | None:
    """The answer of VM.version: its second line is "JDK 17.0.15", with JDK 8 "JDK 8.0_504"."""
    found = _VERSION.search(text)
    if not found:
        return None
    feature = int(found[1])
    update = int(found[4] or 0) if feature == 8 else int(found[3] or 0)
    return _Version(found[0].removeprefix("JDK "), feature, update)


def _parse_release(text: str) -> _Version | None:
    """JAVA_VERSION of the release file: "17.0.15", "25", with JDK 8 "1.8.0_504"."""
    found = _RELEASE_VERSION.match(text)
    return _Version(short(text, 40), int(found[1]), int(found[2] or found[3] or 0)) if found else None


def _collector(proc: Proc, pid: int, options: list[str]) -> str:
    """From the options; else from the names of the threads that only one collector has."""
    for option, name in _COLLECTORS:
        if is_on(options, option):
            return name
    try:
        for thread in proc.thread_names(pid, most=200):
            for start, name in _COLLECTOR_THREADS:
                if thread.startswith(start):
                    return name
    except OSError:
        return "unknown"
    return "unknown"


def _libc(files: set[str]) -> str:
    names = {os.path.basename(path) for path in files}
    if any(name.startswith(("ld-musl-", "libc.musl-")) for name in names):
        return "musl"
    return "glibc" if any(name == "libc.so.6" or name.startswith("libc-2.") for name in names) else "unknown"


def _libc_version(root: str, files: set[str]) -> str | None:
    """Such as "2.36", as the library says of itself; None when it cannot be read."""
    path = next((one for one in files if os.path.basename(one) == "libc.so.6" or "/libc-2." in one), None)
    if path is None:
        return None
    try:
        with os.fdopen(open_in_root(root, path), "rb") as file:
            before = b""
            for chunk in iter(lambda: file.read(64 << 10), b""):
                if found := _LIBC_VERSION.search(before + chunk):
                    return found[1].decode()
                before = chunk[-64:]
    except OSError:
        return None
    return None


def _allocator(files: set[str], libc: str) -> str:
    for path in files:
        for allocator in _ALLOCATORS:
            if os.path.basename(path).startswith(f"lib{allocator}"):
                return allocator
    return "musl" if libc == "musl" else "glibc"
