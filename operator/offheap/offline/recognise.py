"""What kind of evidence a text is, told by its content.

A name is asked for one thing only: the kernel's memory.current, memory.max and the like hold one bare number, and nothing but
their own name tells them apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of evidence, in the words that the report uses."""

    STREAM = "collector stream"
    NMT = "Native Memory Tracking"
    SMAPS = "smaps"
    ROLLUP = "smaps_rollup"
    PMAP = "pmap"
    STATUS = "/proc/PID/status"
    CGROUP = "cgroup memory file"
    HEAP_INFO = "GC.heap_info"
    FLAGS = "VM.flags"
    VERSION = "VM.version"
    COMMAND_LINE = "VM.command_line"
    METASPACE = "VM.metaspace"
    CLASSLOADERS = "VM.classloader_stats"
    CODECACHE = "Compiler.codecache"
    COMPILER_MEMORY = "Compiler.memory"
    SYSTEM_MAP = "System.map"
    MALLOC_INFO = "malloc_info"
    TRIM = "System.trim_native_heap"
    JEMALLOC = "jemalloc heap profile"
    GPERFTOOLS = "gperftools heap profile"
    COLLAPSED = "collapsed stacks"
    JFR = "async-profiler recording"
    OOM_LOG = "kernel log with an OOM kill"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A text of no kind that can be used, and why."""

    reason: str


NUMBER_FILE = re.compile(
    r"memory\.(?:current|max|peak|swap\.current|usage_in_bytes|limit_in_bytes|max_usage_in_bytes|failcnt"
    r"|kmem\.usage_in_bytes|kmem\.tcp\.usage_in_bytes)(?![\w.]*_)"
)
"""The kernel's files of one number, wherever in a name they stand."""
GREPPED = re.compile(r"^(?:\S*/)?(memory\.[a-z_.]+):(.*)$")
"""A line of `grep . /sys/fs/cgroup/memory.*`."""

_M = re.MULTILINE
_MAPPING = r"^[0-9a-f]{1,16}-[0-9a-f]{1,16} [r-][w-][x-][sp-] [0-9a-f]+ \S+ \d+ *.*\n"
_SIGNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.JEMALLOC, re.compile(r"\A\s*heap_v2/\d+")),
    (Kind.GPERFTOOLS, re.compile(r"\A\s*heap profile: *\d+:")),
    (Kind.ROLLUP, re.compile(r"\A\s*(?:[0-9a-f]+-[0-9a-f]+ .*\[rollup\]\s*\n)?Rss: +\d+ kB\n", _M)),
    (Kind.SMAPS, re.compile(_MAPPING + r"(?:Size|Rss): +\d+ kB", _M)),
    (Kind.MALLOC_INFO, re.compile(r"^<malloc version=", _M)),
    (Kind.NMT, re.compile(r"^\s*Total:\s+reserved=\d", _M)),
    (Kind.STATUS, re.compile(r"^Name:\s.*\n(?:.*\n){1,60}?Threads:\s", _M)),
    (Kind.SYSTEM_MAP, re.compile(r"^from +to +(?:vsize|size) +prot +rss ", _M)),
    (
        Kind.PMAP,
        re.compile(r"^Address +Kbytes +RSS|^ *Address +Perm +Offset|^[0-9a-f]{8,16} +\d+K [r-][w-][x-][sp-]", _M),
    ),
    (Kind.OOM_LOG, re.compile(r" invoked oom-killer: |Killed process \d+", _M)),
    (Kind.CLASSLOADERS, re.compile(r"^ClassLoader +Parent +CLD", _M)),
    (Kind.COMPILER_MEMORY, re.compile(r"^\s*(?:Compiler Memory Statistic|Compilation memory statistics)", _M)),
    (Kind.CODECACHE, re.compile(r"^(?:CodeHeap '[\w -]+'|CodeCache): size=\d+Kb", _M)),
    (
        Kind.HEAP_INFO,
        re.compile(
            r"^\s*(?:(?:garbage-first heap|PSYoungGen|def new generation|par new generation|DefNew)\s+total "
            r"|ZHeap\s+used |Shenandoah Heap$|Epsilon Heap$)",
            _M,
        ),
    ),
    (Kind.METASPACE, re.compile(r"^\s*(?:Total Usage - \d+ loaders|Usage:$|Virtual space:$)", _M)),
    (Kind.TRIM, re.compile(r"^\s*(?:Attempting trim|Trim native heap: )", _M)),
    (Kind.COMMAND_LINE, re.compile(r"^VM Arguments:", _M)),
    (Kind.FLAGS, re.compile(r"\A\s*(?:\d{1,10}:\s*\n)?-XX:\S+", _M)),
    (Kind.VERSION, re.compile(r" VM version .*\nJDK \d+", _M)),
)
_NMT_ANSWER = re.compile(
    r"Native memory tracking is not enabled|Detail tracking is not enabled|No baseline for comparison|Baseline (?:taken|succeeded)"
    r"|Native memory tracking has been (?:shutdown|turned off)|Incorrect scale value|Unknown diagnostic command",
    re.IGNORECASE,
)
_JEPROF = re.compile(r"^Total: [\d.]+ ?[KMG]?B?[ \t]*\n *[\d.]+ +[\d.]+% ", _M)
_NMT_SITES = re.compile(r"^\s+\(malloc=\d+[KMG]?B? type=|^\s*\(mmap: reserved=\d", _M)
_LINES_LOOKED_AT = 2000
_MEMBERS = (
    ("memory.stat", re.compile(r"^(?:anon|cache) \d+$", _M), re.compile(r"^(?:file|rss) \d+$", _M)),
    ("memory.events", re.compile(r"^(?:low|high) \d+$", _M), re.compile(r"^oom_kill \d+$", _M)),
    ("memory.oom_control", re.compile(r"^oom_kill_disable \d$", _M), re.compile(r"^under_oom \d$", _M)),
    ("memory.pressure", re.compile(r"^some avg10=", _M), re.compile(r" total=\d+", _M)),
)
_ANSWER_CHARACTERS = 2000
_BARE = re.compile(r"\s*(?:\d{1,20}|max)\s*")
_STACK = re.compile(r"\S.* \d{1,19}")


def recognise(text: str, name: str = "") -> Kind | Unknown:
    """The kind of one text. Never raises. `name` is the file's, for the kernel's files of one number."""
    if not text.strip():
        return Unknown("it is empty")
    if is_stream(text):
        return Kind.STREAM
    for kind, sign in _SIGNS:
        if sign.search(text):
            return kind
    if len(text) < _ANSWER_CHARACTERS and _NMT_ANSWER.search(text):
        return Kind.NMT
    if cgroup_members(text, name):
        return Kind.CGROUP
    if _is_collapsed(text):
        return Kind.COLLAPSED
    return Unknown(_why(text))


def cgroup_members(text: str, name: str) -> dict[str, str]:
    """What a text holds of a cgroup's files, by the kernel's names for them. Empty: nothing."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.strip():
            member = GREPPED.match(line.strip())
            if member is None:
                found = {}
                break
            found.setdefault(member[1], []).append(member[2])
    if found:
        return {member: "\n".join(lines) for member, lines in found.items()}
    for name_of, first, second in _MEMBERS:
        if first.search(text) and second.search(text):
            return {name_of: text}
    own = NUMBER_FILE.search(name)
    return {own[0]: text.strip()} if own and _BARE.fullmatch(text) else {}


def is_stream(text: str) -> bool:
    """Whether it is what the collector writes: a JSON object a line, numbered."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first.startswith("{"):
        return False
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "seq" in record and "type" in record


def _is_collapsed(text: str) -> bool:
    lines = [line for line in text.splitlines()[:_LINES_LOOKED_AT] if line.strip()]
    return any(";" in line for line in lines) and all(_STACK.fullmatch(line.rstrip()) for line in lines)


def _why(text: str) -> str:
    if _JEPROF.search(text):
        return "a table that jeprof or pprof printed: give the heap profile itself"
    if _NMT_SITES.search(text):
        return (
            "a part of a text of Native Memory Tracking without its line Total:, so there is no whole to compare with"
        )
    if _BARE.fullmatch(text):
        return "one bare number: it tells nothing unless the file bears the kernel's name, such as memory.current or memory.max"
    return "of no kind that is known here"
