"""Files of the target, read below /proc/PID/root without ever leaving it.

The target decides what lies there. A link in its image to `../../etc/shadow` or to `/proc/1/root` would otherwise be
followed in *our* view of the file system, so every component is opened by itself and links are resolved by hand, with
the target's root as the root (as openat2's RESOLVE_IN_ROOT does, which Python does not offer).
"""

from __future__ import annotations

import os
import stat

_MOST_LINKS = 40
_DIRECTORY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def read_in_root(root: str, path: str, most_bytes: int) -> bytes:
    """The first `most_bytes` of the regular file `path` as the process rooted at `root` would see it. Raises OSError."""
    fd = open_in_root(root, path)
    try:
        parts = []
        left = most_bytes
        while left > 0 and (part := os.read(fd, min(left, 64 << 10))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def open_in_root(root: str, path: str) -> int:
    """A descriptor of the regular file `path`, opened for reading as the process rooted at `root` would. Raises OSError."""
    fd = _walk(root, path)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            # A pipe would block for ever and a device may act on being read.
            raise OSError(f"{path}: not a regular file")
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(fd)


def open_directory_in_root(root: str, path: str) -> int:
    """A descriptor of the directory `path`, to list it and to reach its entries by `dir_fd`. Raises OSError."""
    fd = _walk(root, path)
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(fd)


def _walk(root: str, path: str) -> int:
    """An O_PATH descriptor of what `path` leads to."""
    # /proc/PID/root is a link of the kernel's own making: the one that has to be followed.
    walked = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if len(walked) > 1:
                    os.close(walked.pop())
                continue
            fd = os.open(name, _DIRECTORY, dir_fd=walked[-1])
            mode = os.fstat(fd).st_mode
            if stat.S_ISLNK(mode):
                os.close(fd)
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(f"{path}: too many links")
                target = os.readlink(name, dir_fd=walked[-1])
                if target.startswith("/"):
                    while len(walked) > 1:
                        os.close(walked.pop())
                todo += target.split("/")[::-1]
                continue
            walked.append(fd)
            if not stat.S_ISDIR(mode):
                break
        if any(name not in ("", ".") for name in todo):
            raise OSError(f"{path}: not a directory on the way")
        return walked.pop()
    finally:
        for fd in walked:
            os.close(fd)
