"""A /proc tree of files and a jattach of shell, so that the collector can be tested from outside on any machine."""

from __future__ import annotations

import base64
import json
import os
import shlex
import stat
import zlib
from pathlib import Path
from typing import Any

Record = dict[str, Any]

JAVA = "/opt/java/bin/java"
MAPS = """\
55d000000000-55d000001000 r-xp 00000000 08:01 100 /opt/java/bin/java
7f0000000000-7f0001000000 r-xp 00000000 08:01 101 /opt/java/lib/server/libjvm.so
7f0002000000-7f0002200000 r-xp 00000000 08:01 102 /usr/lib/x86_64-linux-gnu/libc.so.6
7f0003000000-7f0003200000 rw-p 00000000 00:00 0
"""
SMAPS = """\
c0000000-c4000000 rw-p 00000000 00:00 0
Size:              65536 kB
KernelPageSize:        4 kB
Rss:               10240 kB
Pss:               10240 kB
Pss_Dirty:         10240 kB
Private_Dirty:     10240 kB
Anonymous:         10240 kB
AnonHugePages:         0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac sd
7f0000000000-7f0001000000 r-xp 00000000 08:01 101                        /opt/java/lib/server/libjvm.so
Size:              16384 kB
Rss:                8192 kB
Pss:                4096 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
"""
ROLLUP = """\
c0000000-7fff00000000 ---p 00000000 00:00 0                              [rollup]
Rss:               18432 kB
Pss:               14336 kB
Private_Dirty:     10240 kB
Anonymous:         10240 kB
Swap:                  0 kB
"""
MOUNTS = """\
100 1 0:50 / / rw,relatime - overlay overlay rw
101 100 0:51 /pod/app /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw
"""
ANSWERS = {
    "VM.version": "OpenJDK 64-Bit Server VM version 17.0.15+6\nJDK 17.0.15\n",
    "VM.flags": "-XX:MaxHeapSize=67108864 -XX:NativeMemoryTracking=detail -XX:+UseG1GC\n",
    "VM.command_line": "VM Arguments:\njvm_args: -Xmx64m -Ddb.password=hunter2\njava_command: Main hunter2\n",
    "VM.native_memory baseline": "Baseline taken\n",
    "VM.native_memory summary": "\nNative Memory Tracking:\n\nTotal: reserved=1KB, committed=1KB\n",
    "VM.native_memory summary.diff": "\nNative Memory Tracking:\n\nTotal: reserved=1KB +1KB, committed=1KB +1KB\n",
    "VM.native_memory detail.diff": "\nNative Memory Tracking:\n\n" + "[0x00007f1] os::malloc+0x1\n" * 400,
    "GC.heap_info": " garbage-first heap   total 65536K, used 1024K [0x00000000c0000000, 0x00000000c4000000)\n",
    "VM.metaspace basic": "Usage:\n  Both: 1.20 MB used.\n",
    "Compiler.codecache": "CodeCache: size=49152Kb used=1066Kb max_used=1080Kb free=48086Kb\n",
    "VM.classloader_stats": "ClassLoader  Parent  CLD*  Classes\n",
}


class FakeProc:
    """A /proc whose processes are files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        pid: int,
        comm: str,
        *arguments: str,
        exe: str = "",
        ticks: int = 1000,
        parent: int = 0,
        state: str = "S",
        maps: str | None = None,
        environ: dict[str, str] | None = None,
        caught: int = 0x4,
        mounts: str = MOUNTS,
        threads: tuple[str, ...] = ("java", "GC Thread#0", "GC Thread#1", "pool-3-thread-12"),
    ) -> Path:
        """One process of our own user; its root file system has a writable /tmp and a cgroup with 64 of 256 MiB used."""
        home = self.root / str(pid)
        (home / "root/tmp").mkdir(parents=True)
        self.start(pid, comm, ticks, parent=parent, state=state)
        uid, gid = os.geteuid(), os.getegid()
        (home / "status").write_text(
            f"Name:\t{comm}\nPid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nNSpid:\t{pid}\n"
            f"VmRSS:\t 20480 kB\nThreads:\t{len(threads)}\nSigCgt:\t{caught:016x}\nCapEff:\t0000000000000000\n"
        )
        (home / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in arguments or (comm,)))
        variables = environ or {}
        (home / "environ").write_bytes(b"".join(f"{name}={value}\0".encode() for name, value in variables.items()))
        if exe:
            (home / "exe").symlink_to(exe)
        if maps is not None:
            (home / "maps").write_text(maps)
        (home / "fd").mkdir()
        (home / "smaps").write_text(SMAPS)
        (home / "smaps_rollup").write_text(ROLLUP)
        (home / "mountinfo").write_text(mounts)
        (home / "cgroup").write_text("0::/pod/app\n")
        for number, name in enumerate(threads):
            (home / f"task/{pid + number}").mkdir(parents=True)
            (home / f"task/{pid + number}/comm").write_text(name + "\n")
        self.charge(pid, usage=64 << 20, limit=256 << 20)
        return home

    def java(self, pid: int = 7, *arguments: str, **more: Any) -> Path:
        """A HotSpot JVM of Java home /opt/java."""
        words = arguments or (
            "java",
            "-Xmx64m",
            "-XX:NativeMemoryTracking=detail",
            "-Dtoken=hunter2",
            "Main",
            "hunter2",
        )
        return self.add(pid, "java", *words, **{"exe": JAVA, "maps": MAPS, **more})

    def start(self, pid: int, comm: str, ticks: int, parent: int = 0, state: str = "S") -> None:
        """Give the pid to a process that starts at `ticks`."""
        fields = [state, str(parent), *("0" for _ in range(15)), "4", "0", str(ticks), "0", "5000"]
        (self.root / str(pid) / "stat").write_text(f"{pid} ({comm}) {' '.join(fields)}\n")

    def charge(self, pid: int, usage: int, limit: int) -> None:
        """What the cgroup of a process says, bytes."""
        folder = self.root / str(pid) / "root/sys/fs/cgroup"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.current").write_text(f"{usage}\n")
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.stat").write_text("anon 60000000\nfile 1000\ninactive_file 500\n")


class FakeJattach:
    """A shell script that answers as jattach does and notes each call."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jattach"
        self._log = folder / "jattach.log"
        self.behave()

    @property
    def calls(self) -> list[str]:
        """The commands that were asked for, in order."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def behave(self, before: str = "", **answers: str) -> None:
        """`before`: shell that runs first; it may exit. `answers`: a shell command by jcmd command, dots as underscores."""
        cases = {command: f"printf %s {shlex.quote(text)}" for command, text in ANSWERS.items()}
        cases |= {_command(name): shell for name, shell in answers.items()}
        connected = "echo 'Connected to remote JVM'; echo 'JVM response code = 0'"
        body = "\n".join(f"  {shlex.quote(command)}) {connected}; {shell} ;;" for command, shell in cases.items())
        self.path.write_text(
            f'#!/bin/sh\necho "$3" >> {shlex.quote(str(self._log))}\n{before}\ncase "$3" in\n{body}\n'
            "  *) echo 'Connected to remote JVM'; echo 'JVM response code = -1'\n"
            "     echo 'java.lang.IllegalArgumentException: Unknown diagnostic command'; exit 255 ;;\nesac\n"
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)


def _command(name: str) -> str:
    """VM_native_memory__summary is VM.native_memory summary."""
    command, _, rest = name.partition("__")
    return f"{command.replace('_', '.', 1)} {rest}".strip()


def plan_text(step: str, **fields: Any) -> str:
    """A plan as the operator writes it."""
    return json.dumps(
        {
            "version": 1,
            "investigation": "shop/orders-oom",
            "step": step,
            "deadline_seconds": 60,
            "interval_seconds": 15,
            "duration_seconds": 30,
            "nmt": "detail",
            "target": None,
            "attach": True,
            "probes": {name: {} for name in ("process", "cgroup", "smaps", "nmt", "jvm")},
            "budget": {"target_memory_bytes": 32 << 20, "pause_seconds": 30, "stream_bytes": 8 << 20},
            **fields,
        }
    )


def inflated(record: Record) -> Any:
    """What an evidence carries, whichever way it was sent."""
    return zlib.decompress(base64.b64decode(record["zdata"])).decode() if "zdata" in record else record["data"]


def named(records: list[Record], probe: str, name: str) -> list[Record]:
    return [r for r in records if r["type"] == "evidence" and (r["probe"], r["name"]) == (probe, name)]


def reasons(records: list[Record]) -> set[tuple[str, str]]:
    """The (probe, reason) of all that was skipped."""
    return {(r["probe"], r["reason"]) for r in records if r["type"] == "skipped"}
