"""Finds the JVM among the processes that the collector can see: those of the target's container.

Everything here can be read by any user, unless it says otherwise, because the first look comes before the target's user
is known.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from offheap.collector.elf import is_native_image
from offheap.collector.outcome import Ended
from offheap.collector.plan import Target
from offheap.collector.procfs import Proc, Stat, Status
from offheap.collector.text import short

_JDK_TOOLS = frozenset(("jcmd", "jps", "jstat", "jstack", "jmap", "jinfo", "keytool", "jar", "jattach"))
_JVM_LIBRARIES = ("libjvm.so", "libj9vm")
_MOST_PROCESSES = 512


class Process(NamedTuple):
    """A process as anybody sees it. `exe_name` is "" when only its user may know. `cap_eff` is a hexadecimal mask."""

    pid: int
    start_time_ticks: int
    uid: int
    gid: int
    cap_eff: str
    comm: str
    exe_name: str
    threads: int
    rss_bytes: int
    is_java: bool
    nspid: int


def survey(proc: Proc) -> list[Process]:
    """All living processes but the collectors, by pid; at most 512."""
    found = []
    for pid in proc.pids():
        stat, status = proc.stat(pid), proc.status(pid)
        if stat is None or status is None or stat.state in "ZX" or _is_ours(proc, pid, stat):
            continue
        found.append(_process(proc, pid, stat, status))
    return found[:_MOST_PROCESSES]


def choose(proc: Proc, found: list[Process]) -> Process:
    """The only JVM. Raises Ended NoJvm or AmbiguousJvm."""
    jvms = [process for process in found if process.is_java]
    if len(jvms) == 1:
        return jvms[0]
    if jvms:
        raise Ended(
            "AmbiguousJvm",
            f"{len(jvms)} JVMs run here: {_list(jvms)}. Choose a container with one JVM, or wait until the others have ended",
        )
    native = [process for process in found if is_native_image(proc.path(process.pid, "exe"))]
    if native:
        raise Ended(
            "NoJvm", f"{_list(native)} is a GraalVM native image: there is no JVM to ask. /proc evidence by hand only"
        )
    seen = f"only {_list(found)}" if found else "no process: is the target container running, and named in the request?"
    raise Ended("NoJvm", f"no JVM runs in this container, seen: {seen}")


def chosen(proc: Proc, target: Target | None) -> Target:
    """The planned process, checked to be still the same; without one the only JVM. Raises Ended."""
    if target is None:
        process = choose(proc, survey(proc))
        return Target(process.pid, process.start_time_ticks)
    check_same(proc, target)
    return target


def check_same(proc: Proc, target: Target) -> None:
    """Raises Ended TargetGone or TargetChanged: evidence of two processes must never be mixed."""
    ticks = proc.start_time_ticks(target.pid)
    if ticks is None:
        raise Ended("TargetGone", f"process {target.pid} has ended")
    if ticks != target.start_time_ticks:
        raise Ended("TargetChanged", f"process {target.pid} is another one now: the JVM was restarted")


def _process(proc: Proc, pid: int, stat: Stat, status: Status) -> Process:
    exe = proc.exe(pid)
    exe_name = short(os.path.basename(exe)) if exe else ""
    return Process(
        pid=pid,
        start_time_ticks=stat.start_time_ticks,
        uid=status.uid,
        gid=status.gid,
        cap_eff=status.cap_eff,
        comm=stat.comm,
        exe_name=exe_name,
        threads=stat.threads,
        rss_bytes=stat.rss_bytes,
        is_java=_is_java(proc, pid, stat.comm, exe_name),
        nspid=status.nspid,
    )


def _is_java(proc: Proc, pid: int, comm: str, exe_name: str) -> bool:
    """By the program when it may be known: a shell script called `java` is none, a launcher with libjvm in it is one."""
    if exe_name in _JDK_TOOLS or comm in _JDK_TOOLS:
        return False
    if exe_name == "java":
        return True
    try:
        files = proc.mapped_files(pid)
    except OSError:
        files = set()
    if files:
        return any(os.path.basename(path).startswith(_JVM_LIBRARIES) for path in files)
    first = (proc.arguments(pid) or [""])[0]
    return comm == "java" or os.path.basename(first) == "java"


def _is_ours(proc: Proc, pid: int, stat: Stat) -> bool:
    """This collector, its tools, and those of other investigations."""
    if os.getpid() in (pid, stat.parent):
        return True
    return "offheap.collector" in proc.arguments(pid)[:8]


def _list(processes: list[Process]) -> str:
    shown = ", ".join(f"{process.pid} ({process.comm})" for process in processes[:8])
    return shown + (f" and {len(processes) - 8} more" if len(processes) > 8 else "")
