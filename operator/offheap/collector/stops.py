"""Which of the JVM's commands hold its threads up, as measured with -Xlog:safepoint on 11.0.32, 17.0.21, 21.0.13 and 25.0.5
(on 8u504 with -XX:+PrintSafepointStatistics), 400 threads and 200 class loaders.

| command | what it does | held up |
|---|---|---|
| those below | reads counters, or under a lock that Java code does not wait for | 0 |
| VM.classloader_stats | one safepoint | 0.7 to 1.8 ms (17, 21), 2.1 to 3.4 ms (25), 1.2 to 2.6 ms (11) |
| VM.metaspace without `basic` | one safepoint | 0.7 to 1.7 ms (17, 21), 1.6 to 4.5 ms (25) |
| GC.run | one full collection | 20 to 60 ms with a heap of 512 MiB |
| System.native_heap_info | no safepoint; locks each arena of malloc for a walk | 0.02 ms an arena, 15 ms if very fragmented |
| System.trim_native_heap | likewise, while it gives pages back | 2 to 20 ms an arena |
"""

from __future__ import annotations

_NOT_STOPPING = frozenset(
    (
        "Compiler.codecache",
        "Compiler.memory",
        "Compiler.perfmap",
        "GC.heap_info",
        "System.map",
        "VM.command_line",
        "VM.flags",
        "VM.metaspace basic",
        "VM.native_memory",
        "VM.uptime",
        "VM.version",
    )
)


def holds_up(command: str) -> bool:
    """Whether threads of the JVM may stand still while it runs this command; so it is taken of all that are not known."""
    return command not in _NOT_STOPPING and command.partition(" ")[0] not in _NOT_STOPPING
