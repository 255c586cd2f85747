"""The profile that an allocator writes when its process ends in an orderly way.

A sampler shares the target's process table and dies with it. This container only shares the profiles' volume: it waits until its
pod is told to end (SIGTERM goes to all containers at once), sends what appears then, and stays a moment longer, for with the pod
its log goes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from offheap.collector.clock import Clock
from offheap.collector.outcome import Ended, Skip
from offheap.collector.profile_files import NAME, chunks_of, is_whole, open_file
from offheap.collector.stream import Stream

PROBES = ("jemalloc", "gperftools")
_PATIENCE_SECONDS = 8.0
"""For the JVM to end; its pod's own grace is 30 s unless it says otherwise."""
_LOOK_SECONDS = 0.2
_LINGER_SECONDS = 5.0
"""Some times as long as the operator waits between two looks at the log."""


def await_last_words(
    probe: str, directory: str, stream: Stream, clock: Clock, pause: Callable[[float], None] = time.sleep
) -> None:
    """Returns when the last profile has been sent. Raises Ended where there is none."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Ended("Error", f"{directory} cannot be opened: {error.strerror}") from None
    try:
        if not clock.wait_for_end():
            raise Ended("DeadlineExceeded", "the pod was not told to end in time")
        before = _profiles(folder)
        name = _last(folder, before, pause)
        if name is None:
            stream.skipped(probe, Skip("NoProfile", "the JVM ended without a last profile, or was killed before it"))
            return
        fd = open_file(folder, name)
        stream.blob(probe, name, f"{probe}-heap", chunks_of(fd, os.fstat(fd).st_size), None)
        pause(_LINGER_SECONDS)
    finally:
        os.close(folder)


def _last(folder: int, before: dict[str, int], pause: Callable[[float], None]) -> str | None:
    """The newest one that was written since, once it is whole."""
    for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        pause(_LOOK_SECONDS)
        now = _profiles(folder)
        fresh = sorted((name for name in now if now[name] != before.get(name)), key=lambda name: now[name])
        for name in reversed(fresh):
            try:
                fd = open_file(folder, name)
            except OSError:
                continue
            whole = is_whole(fd)
            os.close(fd)
            if whole:
                return name
    return None


def _profiles(folder: int) -> dict[str, int]:
    """Names and when they were written last (nanoseconds)."""
    found = {}
    for name in os.listdir(folder):
        if NAME.fullmatch(name):
            try:
                found[name] = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns
            except OSError:
                continue
    return found
