"""The heap profiles that a profiling allocator writes into a folder of the target: sent, named, and cleared away.

A profile says what lives when it is written, so of those that were written since the last instant the newest is enough; the
others are removed, for nobody else does and the folder is the pod's disk. The newest stays until a newer one was sent.
Whatever lies in the folder is the target's word: names are matched, files are opened in the folder itself and never followed.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from typing import NamedTuple

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.plan import Plan
from offheap.collector.rooted import open_directory_in_root
from offheap.collector.symbols import resolve
from offheap.collector.visit import Blob, Taken, Visit

HEADING = b"\nMAPPED_LIBRARIES:"
"""What both allocators write last, before a copy of /proc/self/maps."""
MEMORY_BYTES = 4 << 20
"""Naming the addresses: 1 MiB here and the demangler's 2 MiB, as measured with a libjvm.so of 70 000 symbols."""

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.heap")
_ADDRESS = re.compile(rb"0x([0-9a-f]{1,16})")
_MOST_FILES = 4096
_MOST_BYTES = 32 << 20
_MOST_ADDRESSES = 20_000
_CHUNK_BYTES = 64 << 10
_SENT_SHARE = 0.25
"""How much of a profile's size goes through the stream, compressed and in base64; 0.07 to 0.2 were measured."""
_SETTLE_SECONDS = 0.1
_NAMING_SECONDS = 5.0


class Format(NamedTuple):
    """One allocator's files. `pid_of` finds in the name the process that wrote it; a name without one is the JVM's."""

    probe: str
    pid_of: re.Pattern[str]


class _File(NamedTuple):
    name: str
    size_bytes: int
    changed_ns: int


class _State:
    """What is known from one instant to the next."""

    def __init__(self) -> None:
        self.seen: set[_File] = set()
        self.sent: set[str] = set()
        self.spent_bytes = 0
        self.newest: str | None = None
        self.unnamed = False
        self.tried: set[int] = set()


def is_wanted(probe: str, plan: Plan) -> bool:
    return isinstance(plan.option(probe, "directory"), str)


def take_profile(visit: Visit, form: Format) -> Taken:
    """The newest profile that is whole and was not sent; it counts as whole when it did not change since the last look."""
    state = _state(visit, form)
    folder = _open_folder(visit, form)
    try:
        files = _files(visit, folder, form)
        if visit.last and files:
            # There is no next look: one right now must do.
            state.seen = set(files)
            time.sleep(_SETTLE_SECONDS)
            files = _files(visit, folder, form)
        _clear(folder, files, state)
        chosen = _newest_whole(folder, files, state)
        state.seen = set(files)
        if chosen is None:
            if visit.last and not state.sent:
                raise Skip(
                    "NoProfile",
                    f"the allocator wrote no profile into {visit.plan.option(form.probe, 'directory')} while it was watched: "
                    "let it write one more often (lgProfInterval, allocationInterval), or sample for longer",
                )
            return Taken(None)
        file, fd = chosen
        if not _fits(visit, state, file):
            os.close(fd)
            return Taken(None)
        state.sent.add(file.name)
        state.spent_bytes += round(file.size_bytes * _SENT_SHARE)
        state.newest, state.unnamed = file.name, True
        return Taken(None, blobs=(Blob(file.name, f"{form.probe}-heap", chunks_of(fd, file.size_bytes)),))
    finally:
        os.close(folder)


def take_symbols(visit: Visit, form: Format) -> Taken:
    """Names for the addresses of the newest profile that had none yet; told at once, for the target may not live long."""
    state = _state(visit, form)
    if state.newest is None or not state.unnamed:
        return Taken(None)
    folder = _open_folder(visit, form)
    try:
        fd = open_file(folder, state.newest)
    except OSError:
        raise Skip("NoProfile", f"{state.newest} was removed by somebody else before it was read") from None
    finally:
        os.close(folder)
    addresses = _addresses(fd) - state.tried
    state.unnamed = False
    found = resolve(visit.proc, visit.jvm.target.pid, addresses, _NAMING_SECONDS, visit.meter.note_memory)
    state.tried |= found.tried
    if not found.tried:
        return Taken(None)
    return Taken(
        {
            "symbols": {f"{address:x}": name for address, name in sorted(found.names.items())},
            "libraries": found.libraries,
        }
    )


def _state(visit: Visit, form: Format) -> _State:
    state = visit.notes.setdefault(form.probe, _State())
    assert isinstance(state, _State)
    return state


def _open_folder(visit: Visit, form: Format) -> int:
    pid, directory = visit.jvm.target.pid, str(visit.plan.option(form.probe, "directory"))
    try:
        return open_directory_in_root(visit.proc.path(pid, "root"), directory)
    except PermissionError:
        raise permission_denied(f"{directory} of the target") from None
    except OSError as error:
        raise Skip(
            "NoProfileFolder",
            f"{directory} is not there in the target ({error.strerror}): the pod was started without the allocator's volume",
        ) from None


def _files(visit: Visit, folder: int, form: Format) -> list[_File]:
    """The JVM's own profiles, oldest first: neither its children's nor those of a process that was here before it."""
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started += visit.jvm.target.start_time_ticks / os.sysconf("SC_CLK_TCK")
    found = []
    for name in os.listdir(folder)[:_MOST_FILES]:
        if not NAME.fullmatch(name):
            continue
        pid = form.pid_of.search(name)
        if pid is not None and int(pid[1]) != visit.jvm.nspid:
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= _MOST_BYTES and status.st_mtime > started - 1:
            found.append(_File(name, status.st_size, status.st_mtime_ns))
    return sorted(found, key=lambda file: (file.changed_ns, file.name))


def _newest_whole(folder: int, files: list[_File], state: _State) -> tuple[_File, int] | None:
    """The file with an open descriptor of it."""
    for file in reversed(files):
        if file.name in state.sent:
            return None
        if file not in state.seen:
            continue
        try:
            fd = open_file(folder, file.name)
        except OSError:
            continue
        if is_whole(fd):
            return file, fd
        os.close(fd)
    return None


def is_whole(fd: int) -> bool:
    """Whether its last section is there, and is that of a JVM."""
    before, has_heading, has_jvm = b"", False, False
    while chunk := os.read(fd, _CHUNK_BYTES):
        text = before + chunk
        has_heading = has_heading or HEADING in text
        has_jvm = has_jvm or (has_heading and b"/libjvm.so" in text)
        before = text[-len(HEADING) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return has_jvm and before.endswith(b"\n")


def _fits(visit: Visit, state: _State, file: _File) -> bool:
    """Half of the stream is for profiles, and of that as much is kept as the last one may need: it tells the growth."""
    share, size = visit.plan.stream_bytes // 2, file.size_bytes * _SENT_SHARE
    return visit.last or state.spent_bytes + 2.5 * size <= share


def _clear(folder: int, files: list[_File], state: _State) -> None:
    """Removes what is older than the newest one that was sent."""
    names = [file.name for file in files]
    if state.newest not in names:
        return
    for name in names[: names.index(state.newest)]:
        try:
            os.unlink(name, dir_fd=folder)
        except OSError:
            # A volume that we may not write to: then it is as full as its limit allows, and goes with the pod.
            return


def open_file(folder: int, name: str) -> int:
    """The regular file itself, never what a link points to. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{name}: not a regular file")
    return fd


def chunks_of(fd: int, size_bytes: int) -> Iterator[bytes]:
    """Its content, and then it is closed."""
    try:
        while size_bytes > 0 and (chunk := os.read(fd, min(_CHUNK_BYTES, size_bytes))):
            size_bytes -= len(chunk)
            yield chunk
    finally:
        os.close(fd)


def _addresses(fd: int) -> set[int]:
    """All addresses of its stacks; a file with more different ones than code has calls is cut."""
    found: set[int] = set()
    with os.fdopen(fd, "rb", buffering=_CHUNK_BYTES) as file:
        while (line := file.readline(_CHUNK_BYTES)) and not line.startswith(HEADING[1:]):
            _, at, stack = line.partition(b"@")
            if at:
                found.update(int(word, 16) for word in _ADDRESS.findall(stack))
            if len(found) > _MOST_ADDRESSES:
                break
    return found
