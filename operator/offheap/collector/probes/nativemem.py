"""Who allocates native memory and does not give it back: async-profiler's library, loaded once into the running JVM.

It puts hooks between the JVM's libraries and malloc and writes what it sees, with Java frames, into a file of the target's
/tmp. Library and file are taken away as soon as the JVM has them open; the collector reads the recording through the file
that it opened itself. What stays until the JVM ends is the library in its memory, and the hooks, which then do nothing.

A recording ends by three means: the take at the end, `undo`, or the profiler's own clock where the collector was killed. The
next collector finds the library by its name, ends what goes on, and uses it again: a second copy would undo the first's hooks.

Each free() leaves 19 bytes, so a busy JVM writes some megabytes a second. The recording is ended when it would grow beyond its
limit before it is looked at again; a leak shows in seconds where memory comes and goes that fast.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from offheap.collector.clock import Clock
from offheap.collector.nameless import without_names
from offheap.collector.outcome import Skip
from offheap.collector.plan import Plan
from offheap.collector.procfs import mount_of
from offheap.collector.target_tmp import PATH, TargetTmp, target_tmp
from offheap.collector.text import short
from offheap.collector.visit import FIRST, LAST, LATER, Blob, Take, Taken, Visit

LIBRARY = "/opt/offheap/libasyncProfiler.so"
_LIBRARY = ".offheap-nativemem.so"
_RECORDING = ".offheap-nativemem.jfr"
_LOG = ".offheap-nativemem.log"
_NAMES = (_LIBRARY, _RECORDING, _LOG)
_PATH = f"{PATH}/{_LIBRARY}"

_INTERVAL_BYTES = 64 << 10
_FRAMES = 256
_STOP = "stop,loglevel=none,log=stderr"
"""With another log, or it would keep the first one's file open."""
_NOTHING_ELSE = 31
"""jfropts: no system information (it holds the command line), no properties, no libraries, no load, no heap summary."""
_MOST_BYTES = 10 << 20
"""Compressed and written in base64 a busy JVM's are 0.36 of their size, and 4 MiB of the stream are kept for it."""
_MOST_IN_MEMORY_BYTES = 4 << 20
"""Where /tmp is a tmpfs: there a file is charged to the target and cannot be dropped."""
_LEAST_BYTES = 1 << 20
_FIRST_LOOK_SECONDS = 1.0
_MOST_LOOKING_SECONDS = 10.0
_OWN_CLOCK_SLACK_SECONDS = 60
_PROFILERS = re.compile(r"asyncProfiler|javaProfiler|async-profiler", re.IGNORECASE)
_VERSION = re.compile(rb"async-profiler (\d{1,3}(?:\.\d{1,3}){1,3})")

MEMORY_BYTES = 18 << 20
"""What stays in the JVM: anonymous memory of 7.5 MiB with 8u504, 13.7 with 17.0.21, 15.9 with 25.0.5, mostly its symbols, and
3 MiB more where 15 000 classes are loaded."""
PAUSE_SECONDS = 0.001
"""No safepoint was seen with -Xlog:safepoint on 17.0.21 and 25.0.5; the attaching thread alone is busy for 0.06 to 0.3 s."""


class Recording:
    """One that goes on, or has ended when `stopped` says why."""

    def __init__(self, fd: int, most_bytes: int, clock: Clock) -> None:
        self.most_bytes = most_bytes
        self.stopped = ""
        self.seconds = 0.0
        self.fd = fd
        self._clock = clock
        self._began = self._looked = clock.elapsed_seconds
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.fd).st_size

    def will_be_too_large(self, until_next_look_seconds: float) -> bool:
        """Judged by how it has grown since the last look."""
        now, size_bytes = self._clock.elapsed_seconds, self.size_bytes
        rate = (size_bytes - self._size_bytes) / max(0.001, now - self._looked)
        self._looked, self._size_bytes = now, size_bytes
        return size_bytes + rate * until_next_look_seconds > self.most_bytes

    def end(self, why: str) -> None:
        self.stopped = why
        self.seconds = self._clock.elapsed_seconds - self._began


def start(visit: Visit) -> Taken:
    _check_known_good(visit)
    tmp = target_tmp(visit)
    loaded = _check_no_other(visit)
    if not tmp.may_execute:
        raise Skip("TmpNotExecutable", "the target's /tmp is mounted noexec: mount an emptyDir there")
    mount = mount_of(visit.proc.mounts(visit.jvm.target.pid), PATH)
    most_bytes = _MOST_IN_MEMORY_BYTES if mount and mount.kind == "tmpfs" else _MOST_BYTES
    most_bytes = min(most_bytes, int(visit.plan.stream_bytes * 1.25), tmp.free_bytes // 4)
    if most_bytes < _LEAST_BYTES:
        raise Skip("TmpFull", f"{tmp.free_bytes >> 20} MiB are free in the target's /tmp, and a recording needs 4")
    if loaded:
        _stop(visit)
    before = _rss_bytes(visit)
    asked = visit.plan.option("nativemem", "interval_bytes")
    interval_bytes = max(1, asked) if isinstance(asked, int) else _INTERVAL_BYTES
    recording = Recording(_begin(visit, tmp, interval_bytes, loaded=loaded), most_bytes, visit.clock)
    visit.notes["nativemem"] = recording
    visit.meter.note_pause(PAUSE_SECONDS)
    added = _rss_bytes(visit) - before
    _watch_a_fast_one(visit, recording)
    data = {
        "version": None if loaded else _version(),
        "interval_bytes": interval_bytes,
        "file": f"{PATH}/{_RECORDING}",
        "added_bytes": max(0, added),
    }
    return Taken(data, PAUSE_SECONDS)


def watch(visit: Visit) -> Taken:
    recording = _recording(visit)
    if recording and not recording.stopped and recording.will_be_too_large(visit.plan.interval_seconds):
        _end(visit, recording, "SizeLimit")
    return Taken(None)


def stop(visit: Visit) -> Taken:
    recording = _recording(visit)
    if recording is None:
        # It was not started, and that has been said.
        return Taken(None)
    if not recording.stopped:
        _end(visit, recording, "Planned")
    data = {
        "seconds": round(recording.seconds, 3),
        "size_bytes": recording.size_bytes,
        "stopped": recording.stopped,
    }
    return Taken(data, blobs=(Blob("nativemem.jfr", "jfr", without_names(recording.fd)),))


def undo(visit: Visit) -> None:
    """End a recording that goes on, and take away what an unfinished start may have left."""
    recording = _recording(visit)
    if visit.proc.start_time_ticks(visit.jvm.target.pid) != visit.jvm.target.start_time_ticks:
        return
    if recording and not recording.stopped:
        _stop(visit)
    try:
        tmp = target_tmp(visit)
    except Skip:
        return
    for name in _NAMES:
        tmp.remove(name)


def asked_for(plan: Plan) -> bool:
    """Only by name: it loads code into the JVM."""
    return plan.probes is not None


def _recording(visit: Visit) -> Recording | None:
    noted = visit.notes.get("nativemem")
    return noted if isinstance(noted, Recording) else None


def _check_known_good(visit: Visit) -> None:
    if visit.attach.refusal:
        raise visit.attach.refusal
    identity = visit.jvm.identity
    if identity.get("libc") != "glibc":
        raise Skip("LibcUnsupported", "async-profiler's nativemem is known to work with glibc only here")
    allocator = identity.get("allocator")
    if allocator not in ("glibc", "jemalloc"):
        raise Skip(
            "AllocatorUnsupported",
            f"the JVM runs with {allocator}, with which async-profiler can deadlock (its issue 1151): profile by "
            "the allocator itself",
        )


def _check_no_other(visit: Visit) -> bool:
    """Whether our copy is in the JVM already. Raises Skip when another profiler is."""
    loaded = False
    for path in visit.proc.mapped_files(visit.jvm.target.pid):
        # By its name alone: before it lies whatever the target's root is called where we look from.
        name = path.rpartition("/")[2]
        if name == _LIBRARY:
            loaded = True
        elif _PROFILERS.search(name):
            raise Skip(
                "ProfilerPresent", f"{short(path, 200)} is loaded already, and two would undo each other's hooks"
            )
    return loaded


def _begin(visit: Visit, tmp: TargetTmp, interval_bytes: int, *, loaded: bool) -> int:
    """The recording's file, open. The profiler's words, when it refuses, come by a file too: its exit code says little."""
    own_clock_seconds = int(visit.plan.duration_seconds) + _OWN_CLOCK_SLACK_SECONDS
    options = (
        f"start,nativemem={interval_bytes},cstack=vm,jstackdepth={_FRAMES},jfr,jfropts={_NOTHING_ELSE},"
        f"timeout={own_clock_seconds},loglevel=warn,log={PATH}/{_LOG},file={PATH}/{_RECORDING}"
    )
    fd = log = -1
    try:
        if not loaded:
            tmp.copy(LIBRARY, _LIBRARY, 0o700)
        log = tmp.make(_LOG, 0o600)
        fd = tmp.make(_RECORDING, 0o600)
        visit.attach.load(_PATH, absolute=True, options=options)
    except Skip as skip:
        if fd >= 0:
            os.close(fd)
        words = short(os.pread(log, 4096, 0), 300) if log >= 0 else ""
        if skip.reason == "AgentNotLoaded" and words:
            raise Skip("ProfilerNotStarted", words) from None
        raise
    finally:
        if log >= 0:
            os.close(log)
        for name in _NAMES:
            tmp.remove(name)
    return fd


def _watch_a_fast_one(visit: Visit, recording: Recording) -> None:
    """A recording that would be too large before the next instant is watched from here on, some seconds, and ended."""
    until = visit.clock.elapsed_seconds + _MOST_LOOKING_SECONDS
    visit.clock.wait_until(visit.clock.elapsed_seconds + _FIRST_LOOK_SECONDS)
    if not recording.will_be_too_large(visit.plan.interval_seconds):
        return
    while visit.clock.elapsed_seconds < until and not recording.will_be_too_large(0.1):
        visit.clock.wait_until(visit.clock.elapsed_seconds + 0.1)
    _end(visit, recording, "SizeLimit")


def _end(visit: Visit, recording: Recording, why: str) -> None:
    visit.attach.load(_PATH, absolute=True, options=_STOP)
    recording.end(why)


def _stop(visit: Visit) -> None:
    """Quietly: there may be nothing to stop."""
    try:
        visit.attach.load(_PATH, absolute=True, options=_STOP)
    except Skip:
        return


def _rss_bytes(visit: Visit) -> int:
    stat = visit.proc.stat(visit.jvm.target.pid)
    return stat.rss_bytes if stat else 0


def _version() -> str | None:
    """As the library names itself."""
    for piece in _pieces(LIBRARY):
        if found := _VERSION.search(piece):
            return found[1].decode()
    return None


def _pieces(path: str) -> Iterator[bytes]:
    """A file in overlapping pieces, so that no word is cut in each of them."""
    with open(path, "rb", buffering=0) as file:
        tail = b""
        while piece := file.read(64 << 10):
            yield tail + piece
            tail = piece[-64:]


START = Take(
    "nativemem",
    "start",
    FIRST,
    start,
    wanted=asked_for,
    memory_bytes=MEMORY_BYTES,
    pause_seconds=PAUSE_SECONDS,
    undo=undo,
)
TAKES = (
    Take("nativemem", "watch", LATER, watch, wanted=asked_for),
    Take("nativemem", "stop", LAST, stop, wanted=asked_for, blobs=True),
)
