"""The heap profiles of jemalloc, which the JVM was started with, and names for their addresses.

Files are `<prefix>.<pid>.<seq>.<kind><n>.heap` (jemalloc, prof_data.c); a child of the JVM that inherited LD_PRELOAD writes its
own.
"""

from __future__ import annotations

import re

from offheap.collector.plan import Plan
from offheap.collector.profile_files import MEMORY_BYTES, Format, is_wanted, take_profile, take_symbols
from offheap.collector.visit import ALWAYS, Take, Taken, Visit

FORMAT = Format("jemalloc", re.compile(r"\.(\d{1,10})\.\d{1,10}\.[a-z]\d{0,10}\.heap$"))


def run_profile(visit: Visit) -> Taken:
    return take_profile(visit, FORMAT)


def run_symbols(visit: Visit) -> Taken:
    return take_symbols(visit, FORMAT)


def wanted(plan: Plan) -> bool:
    return is_wanted("jemalloc", plan)


TAKES = (
    Take("jemalloc", "profile", ALWAYS, run_profile, wanted=wanted, blobs=True),
    Take("jemalloc", "symbols", ALWAYS, run_symbols, wanted=wanted, bulk=True, memory_bytes=MEMORY_BYTES),
)
