"""The heap profiles of gperftools' tcmalloc, which the JVM was started with, and names for their addresses.

Files are `<prefix>.<seq>.heap`; a process that was started by one that had loaded it already, a child or what a shell became by
exec, writes `<prefix>_<pid>.<seq>.heap` (gperftools, GetUniquePathFromEnv).
"""

from __future__ import annotations

import re

from offheap.collector.plan import Plan
from offheap.collector.profile_files import MEMORY_BYTES, Format, is_wanted, take_profile, take_symbols
from offheap.collector.visit import ALWAYS, Take, Taken, Visit

FORMAT = Format("gperftools", re.compile(r"_(\d{1,10})\.\d{1,10}\.heap$"))


def run_profile(visit: Visit) -> Taken:
    return take_profile(visit, FORMAT)


def run_symbols(visit: Visit) -> Taken:
    return take_symbols(visit, FORMAT)


def wanted(plan: Plan) -> bool:
    return is_wanted("gperftools", plan)


TAKES = (
    Take("gperftools", "profile", ALWAYS, run_profile, wanted=wanted, blobs=True),
    Take("gperftools", "symbols", ALWAYS, run_symbols, wanted=wanted, bulk=True, memory_bytes=MEMORY_BYTES),
)
