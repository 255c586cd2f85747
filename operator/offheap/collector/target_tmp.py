"""Files of ours in the target's /tmp, for as long as the JVM needs to open them.

The JVM loads an agent by a path of its own file system only: a library loaded by /proc/PID/root crashed it. So a file is
made there, opened by the JVM, and taken away at once; both go on with what they have open. A collector that is killed leaves
a file only when that happens within these milliseconds, and the next one takes the place of such a file.

Whoever lives in that /tmp is not trusted: names are opened in the folder itself, never followed, never reused.
"""

from __future__ import annotations

import errno
import fcntl
import os

from offheap.collector.outcome import Skip, permission_denied
from offheap.collector.procfs import Proc
from offheap.collector.visit import Visit

PATH = "/tmp"  # noqa: S108 - where it is for the target
_NOTE = "target-tmp"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES = 64 << 10
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def target_tmp(visit: Visit) -> TargetTmp:
    """The target's /tmp, kept through the session, and for one collector at a time. Raises Skip."""
    tmp = visit.notes.get(_NOTE)
    if not isinstance(tmp, TargetTmp):
        tmp = visit.notes[_NOTE] = TargetTmp(visit.proc, visit.jvm.target.pid)
    return tmp


class TargetTmp:
    """The target's /tmp, open and locked: the lock goes with the process, however it ends. Raises Skip."""

    def __init__(self, proc: Proc, pid: int) -> None:
        status = proc.status(pid)
        self._owner = (status.uid, status.gid) if status else (os.geteuid(), os.getegid())
        try:
            root = os.open(proc.path(pid, "root"), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise permission_denied(f"/proc/{pid}/root") from None
        try:
            self._fd = os.open("tmp", _FOLDER, dir_fd=root)
        except OSError as error:
            raise _not_writable(error) from None
        finally:
            os.close(root)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise Skip(
                "AnotherCollector",
                "another collector is at work in this JVM; ask again when its investigation has ended",
            ) from None
        except OSError:
            # A file system without locks cannot tell: then there is taken to be none.
            return

    @property
    def free_bytes(self) -> int:
        """What its file system lets an ordinary user still write."""
        room = os.fstatvfs(self._fd)
        return room.f_bavail * room.f_frsize

    @property
    def may_execute(self) -> bool:
        """False on a mount with noexec: no library can be loaded from it."""
        return not os.fstatvfs(self._fd).f_flag & os.ST_NOEXEC

    def make(self, name: str, mode: int) -> int:
        """A new empty file of the target's user, open for reading and writing; what bears the name already is one of ours
        that a killed collector left. Raises Skip."""
        try:
            self.remove(name)
            fd = os.open(name, _NEW, mode, dir_fd=self._fd)
        except OSError as error:
            raise _not_writable(error) from None
        try:
            os.fchmod(fd, mode)
            if self._owner != (os.geteuid(), os.getegid()):
                os.fchown(fd, *self._owner)
        except OSError as error:
            os.close(fd)
            self.remove(name)
            raise _not_writable(error) from None
        return fd

    def copy(self, source: str, name: str, mode: int) -> None:
        """A copy of a file of the collector's image. Raises Skip."""
        try:
            given = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Skip("ToolMissing", f"{source} is not in the collector's image: {error.strerror}") from None
        try:
            # Not for writing any more when it is loaded: a library that is open for writing cannot be executed.
            made = self.make(name, mode)
            try:
                while chunk := os.read(given, _CHUNK_BYTES):
                    _write(made, chunk)
            except OSError as error:
                self.remove(name)
                raise _not_writable(error) from None
            finally:
                os.close(made)
        finally:
            os.close(given)

    def remove(self, name: str) -> None:
        """Quiet when there is none, or when it is not ours to take away."""
        try:
            os.unlink(name, dir_fd=self._fd)
        except OSError:
            return


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _not_writable(error: OSError) -> Skip:
    if error.errno in _NO_ROOM:
        return Skip("TmpFull", "no room is left in the target's /tmp: the JVM opens what it loads from there")
    return Skip(
        "TmpNotWritable",
        f"nothing can be put into the target's /tmp ({error.strerror}), and the JVM opens what it loads from there: "
        "mount an emptyDir there",
    )
