"""The kernel's lines about its out-of-memory killer (dmesg, journal): whom it killed, why, and what was resident.

Grammar: mm/oom_kill.c. From 4.19 on one line says `oom-kill:constraint=…`; older kernels name the cause in the sentence
of the kill only. CONSTRAINT_MEMCG is the limit of a cgroup, CONSTRAINT_NONE the whole node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_INVOKED = re.compile(r"^(?:.*(?:\] |kernel: ))?(.{1,64}?) invoked oom-killer: ")
_CONSTRAINT = re.compile(r"oom-kill:constraint=(CONSTRAINT_[A-Z_]{1,30}),(.{0,2000})$")
_CGROUP = re.compile(r"(?:^|,)(oom_memcg|task_memcg)=([^,]{1,1000})")
_KILLED = re.compile(
    r"Killed process (\d{1,10})(?:,? UID \d{1,10},?)? "
    r"\((.{0,64}?)\),?(?: UID \d{1,10},)? total-vm:(\d{1,16})kB, anon-rss:(\d{1,16})kB, file-rss:(\d{1,16})kB"
    r"(?:, shmem-rss:(\d{1,16})kB)?(?:,? UID:(\d{1,10}))?(?: pgtables:\d{1,16}kB)?(?: oom_score_adj:(-?\d{1,5}))?",
    re.ASCII,
)
_CAUSES = {"Memory cgroup out of memory": "CONSTRAINT_MEMCG", "Out of memory": "CONSTRAINT_NONE"}


@dataclass(frozen=True, slots=True)
class OomKill:
    """One kill. Sizes are bytes, resident at the moment of the kill; swap is not among them.

    `invoked_by` is the thread whose allocation failed: the unlucky one, not the guilty one. Names are the kernel's, cut
    at 15 characters. None: not in the log.
    """

    line: int
    pid: int
    task: str
    total_vm_bytes: int
    anon_rss_bytes: int
    file_rss_bytes: int
    shmem_rss_bytes: int
    constraint: str | None = None
    oom_memcg: str | None = None
    task_memcg: str | None = None
    invoked_by: str | None = None
    uid: int | None = None
    oom_score_adj: int | None = None

    @property
    def rss_bytes(self) -> int:
        return self.anon_rss_bytes + self.file_rss_bytes + self.shmem_rss_bytes

    @property
    def is_by_cgroup(self) -> bool | None:
        """Whether a cgroup's limit was the cause; None when the log does not tell."""
        return None if self.constraint is None else self.constraint == "CONSTRAINT_MEMCG"


def parse_oom_log(text: str) -> tuple[OomKill, ...]:
    """Read every kill of a log that may hold any other lines; no kill gives an empty tuple.

    Raises EvidenceError on a line `Killed process …` that cannot be read.
    """
    kills: list[OomKill] = []
    invoked_by: str | None = None
    constraint: str | None = None
    cause: str | None = None
    cgroups: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if " invoked oom-killer: " in line:
            found = _INVOKED.search(line)
            invoked_by, constraint, cause, cgroups = found[1].strip() if found else None, None, None, {}
        elif found := _CONSTRAINT.search(line):
            constraint, cgroups = found[1], dict(_CGROUP.findall(found[2]))
        elif "Killed process " in line:
            found = _KILLED.search(line)
            if found is None:
                raise EvidenceError("a kill that cannot be read", number)
            kills.append(
                OomKill(
                    line=number,
                    pid=int(found[1]),
                    task=found[2],
                    total_vm_bytes=int(found[3]) << 10,
                    anon_rss_bytes=int(found[4]) << 10,
                    file_rss_bytes=int(found[5]) << 10,
                    shmem_rss_bytes=int(found[6] or 0) << 10,
                    constraint=constraint or _cause_in(line) or cause,
                    oom_memcg=cgroups.get("oom_memcg"),
                    task_memcg=cgroups.get("task_memcg"),
                    invoked_by=invoked_by,
                    uid=int(found[7]) if found[7] else None,
                    oom_score_adj=int(found[8]) if found[8] else None,
                )
            )
            invoked_by, constraint, cause, cgroups = None, None, None, {}
        elif " Kill process " in line:
            cause = _cause_in(line)
    return tuple(kills)


def _cause_in(line: str) -> str | None:
    return next((constraint for words, constraint in _CAUSES.items() if words in line), None)
