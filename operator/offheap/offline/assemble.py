"""From pieces to evidence: what the collector would have sent, put together from texts, and read by the same readers.

Everything goes through `bundle`, as records of a stream: so a text means the same here and in a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from offheap.evidence.bundle import bundle
from offheap.evidence.errors import EvidenceError
from offheap.evidence.heap_info import parse_heap_info
from offheap.evidence.identity import JvmIdentity
from offheap.evidence.native_stacks import NativeStack, parse_native_stacks
from offheap.evidence.nmt import parse_nmt
from offheap.evidence.nmt_report import NmtAnswer, NmtReport
from offheap.evidence.oom_log import OomKill, parse_oom_log
from offheap.evidence.pmap import parse_pmap
from offheap.evidence.procstatus import parse_status
from offheap.evidence.sample import Evidence
from offheap.evidence.stream import Blob, EvidenceRecord, Stream, read_stream
from offheap.offline.comparable import Compared, comparable
from offheap.offline.mappings_text import smaps_text
from offheap.offline.moments import LEAST_STEP_SECONDS, STEP_SECONDS, Moment, are_times, moments_of, natural
from offheap.offline.oom import limit_in, rollup_text, victim
from offheap.offline.pieces import Clock, Piece, Refused, Source, pieces_of
from offheap.offline.recognise import Kind
from offheap.offline.vm_words import allocator_in, identity_of

_RECORDS = {
    Kind.SMAPS: ("smaps", "smaps"),
    Kind.ROLLUP: ("smaps", "rollup"),
    Kind.STATUS: ("process", "status"),
    Kind.HEAP_INFO: ("jvm", "heap_info"),
    Kind.METASPACE: ("jvm", "metaspace"),
    Kind.CLASSLOADERS: ("jvm", "classloader_stats"),
    Kind.CODECACHE: ("jvm", "codecache"),
    Kind.COMPILER_MEMORY: ("jvm", "compiler_memory"),
    Kind.SYSTEM_MAP: ("jvm", "system_map"),
    Kind.MALLOC_INFO: ("malloc-info", "info"),
    Kind.TRIM: ("malloc-info", "trim"),
}
"""As the collector names them."""
_BLOBS = {Kind.JEMALLOC: "jemalloc-heap", Kind.GPERFTOOLS: "gperftools-heap", Kind.JFR: "jfr"}
_WORDS = (Kind.FLAGS, Kind.VERSION, Kind.COMMAND_LINE)
_FIRST_INDEX = 1_000_000
"""Of the moments made here, above all that a collector counts to, so that ids stay apart."""
_LIMITS = ("memory.max", "memory.limit_in_bytes")
_NO_LIMIT_FROM = 1 << 62
_BASELINE_PART = -1
"""No file has such a part: it is what a diff tells of the time before."""

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ReadAs:
    """What a file was taken for, and how many texts of that kind it holds. `first` and `last` are unix seconds, None where
    their time was made up."""

    source: str
    kind: Kind
    texts: int
    first: float | None
    last: float | None
    clock: Clock


@dataclass(frozen=True, slots=True)
class Assembled:
    """All that the files tell. `files` gives the file of each evidence id. `knows_times` is False where rates would be made
    up, for only the order of the texts is known."""

    evidence: Evidence
    compared: Compared
    read: tuple[ReadAs, ...]
    refused: tuple[Refused, ...]
    files: dict[str, str]
    knows_times: bool
    kill: OomKill | None = None


def assemble(sources: Iterable[Source]) -> Assembled:
    """Everything that the files tell, whatever their order. Never raises."""
    pieces: list[Piece] = []
    refused: list[Refused] = []
    for source in sorted(sources, key=lambda source: (natural(source.name), source.name, source.data)):
        found, problems = pieces_of(source)
        pieces += found
        refused += problems
    desk = _Desk(refused)
    pieces = [each for piece in pieces if (each := desk.accepted(piece)) is not None]
    streams = [read_stream(piece.text.splitlines()) for piece in pieces if piece.kind is Kind.STREAM]
    moments, homeless = moments_of(list(desk.slots(pieces)))
    refused += [Refused(piece.source, "others of its kind have a time and this one has none") for piece in homeless]
    moments = _with_baseline(moments, desk)
    own = [*desk.streams(moments), *_profiles(pieces)]
    evidence = bundle([*streams, *own])
    for problem in evidence.unreadable:
        file = desk.files.get(problem.source, "")
        refused.append(Refused(file or problem.source, problem.message))
    failed = {problem.source for problem in evidence.unreadable}
    failed_files = {desk.files[source] for source in failed if source in desk.files}
    evidence = replace(
        evidence,
        jvm=_known(evidence.jvm, bundle(streams).jvm if streams else None, knows_options=desk.knows_options),
        limit_bytes=evidence.limit_bytes or desk.limit_bytes,
        native_stacks=evidence.native_stacks if evidence.native_stacks is not None else desk.stacks,
    )
    whole = Compared(evidence, evidence.samples[-1:], ()) if not moments else comparable(evidence)
    return Assembled(
        evidence=evidence,
        compared=whole,
        read=tuple(_read(pieces, moments, {file for file in failed_files if file})),
        refused=tuple(refused),
        files=desk.files,
        knows_times=all(moment.is_timed for moment in moments),
        kill=desk.kill,
    )


def _key(piece: Piece) -> _Key:
    return piece.source, piece.part


class _Desk:
    """Where pieces are sorted: each is looked at once, and what it tells beside its own text is kept."""

    def __init__(self, refused: list[Refused]) -> None:
        self._refused = refused
        self._reports: dict[_Key, NmtReport | NmtAnswer] = {}
        self._pids: dict[_Key, int] = {}
        self._words: list[str] = []
        self._heap_bytes: list[int] = []
        self._allocator: str | None = None
        self._kills: list[tuple[Piece, OomKill]] = []
        self.knows_options = False
        self.files: dict[str, str] = {}
        self.limit_bytes: int | None = None
        self.stacks: tuple[NativeStack, ...] | None = None

    @property
    def kill(self) -> OomKill | None:
        return victim([kill for _, kill in self._kills])

    def accepted(self, piece: Piece) -> Piece | None:
        """The piece as it will be read, or None when it cannot be used: the reason is noted then."""
        try:
            return self._looked_at(piece)
        except EvidenceError as error:
            self._refused.append(Refused(piece.source, str(error)))
            return None

    def _looked_at(self, piece: Piece) -> Piece:
        if piece.kind in (Kind.SMAPS, Kind.PMAP):
            self._allocator = self._allocator or allocator_in(piece.text)
        if piece.kind is Kind.NMT:
            report = parse_nmt(piece.text)
            if isinstance(report, NmtAnswer) and report is not NmtAnswer.BASELINE_TAKEN:
                raise EvidenceError(f"the JVM answered: {report.value}")
            self._reports[_key(piece)] = report
            if isinstance(report, NmtReport):
                self._heap_bytes += [
                    each.extent.reserved_bytes for each in report.categories if each.name == "Java Heap"
                ]
                self._note_pid(piece, report.pid)
        elif piece.kind is Kind.PMAP:
            pmap = parse_pmap(piece.text)
            piece = replace(piece, text=smaps_text(pmap))
            self._note_pid(piece, pmap.pid)
        elif piece.kind is Kind.STATUS:
            self._note_pid(piece, parse_status(piece.text).pid)
        elif piece.kind is Kind.HEAP_INFO:
            self._heap_bytes += [sum(end - start for start, end in parse_heap_info(piece.text).ranges)]
        elif piece.kind is Kind.OOM_LOG:
            self._note_kill(piece)
        elif piece.kind is Kind.COLLAPSED:
            self.stacks = (self.stacks or ()) + parse_native_stacks(piece.text)
        elif piece.kind in _WORDS:
            self._words.append(piece.text)
            self.knows_options = self.knows_options or piece.kind is not Kind.VERSION
        elif piece.member in _LIMITS and piece.text.strip().isdecimal():
            limit = int(piece.text.strip()[:20])
            self.limit_bytes = limit if limit < _NO_LIMIT_FROM else self.limit_bytes
        return piece

    def _note_pid(self, piece: Piece, pid: int | None) -> None:
        if pid is not None:
            self._pids[_key(piece)] = pid

    def _note_kill(self, piece: Piece) -> None:
        kills = parse_oom_log(piece.text)
        self.limit_bytes = limit_in(piece.text) or self.limit_bytes
        if not kills and self.limit_bytes is None:
            raise EvidenceError("an OOM kill without the line Killed process, which tells whom and what was resident")
        self._kills += [(piece, kill) for kill in kills]

    def slots(self, pieces: Sequence[Piece]) -> Iterator[tuple[str, Piece]]:
        """The pieces that belong to moments, by slot."""
        kinds = {piece.kind for piece in pieces}
        for piece in pieces:
            if piece.kind is Kind.CGROUP:
                yield f"cgroup {piece.member}", piece
            elif piece.kind is Kind.NMT:
                if not self._is_late_baseline(piece, pieces):
                    yield "nmt", piece
            elif piece.kind is Kind.PMAP:
                if Kind.SMAPS not in kinds:
                    yield Kind.PMAP.value, piece
            elif piece.kind in _RECORDS:
                yield piece.kind.value, piece
        if self._kills and not kinds & {Kind.SMAPS, Kind.ROLLUP, Kind.PMAP, Kind.STATUS}:
            kill = self.kill
            for piece, each in self._kills:
                if each is kill:
                    yield Kind.ROLLUP.value, replace(piece, kind=Kind.ROLLUP, text=rollup_text(each))

    def _is_late_baseline(self, piece: Piece, pieces: Sequence[Piece]) -> bool:
        """An answer to a baseline that cannot be put before the diff that compares with it: its only word is when."""
        if self._reports.get(_key(piece)) is not NmtAnswer.BASELINE_TAKEN or piece.clock in (Clock.TEXT, Clock.NAME):
            return False
        diffs = [each.at for each in pieces if each.kind is Kind.NMT and each is not piece]
        return not diffs or min(diffs) < piece.at + LEAST_STEP_SECONDS

    def report(self, moment: Moment) -> NmtReport | NmtAnswer | None:
        piece = moment.pieces.get("nmt")
        return None if piece is None else self._reports.get(_key(piece))

    def baseline(self, piece: Piece) -> None:
        """Take this piece for the answer to a baseline."""
        self._reports[_key(piece)] = NmtAnswer.BASELINE_TAKEN

    def streams(self, moments: Sequence[Moment]) -> Iterator[Stream]:
        """One of each process, as a collector would have sent them."""
        if not moments:
            return
        processes = self._processes(moments)
        # Heap information of some moments only would make the heap's row jump between two measures.
        heaps = sum(Kind.HEAP_INFO.value in moment.pieces for moment in moments)
        has_heap = heaps == len(moments)
        for pid in dict.fromkeys(processes):
            indexed = [
                (index, moment)
                for index, (moment, own) in enumerate(zip(moments, processes, strict=True), start=_FIRST_INDEX)
                if own == pid
            ]
            heap = max(self._heap_bytes, default=None)
            identity = EvidenceRecord(
                0,
                indexed[0][1].at,
                0.0,
                "process",
                "identity",
                None,
                identity_of(pid, self._words, heap, self._allocator),
            )
            records = [
                record for index, moment in indexed for record in self._records(index, moment, has_heap=has_heap)
            ]
            yield Stream(evidence=(identity, *records))

    def _processes(self, moments: Sequence[Moment]) -> list[int]:
        """The process id of each moment, of one kind of text only: a container and its host number processes differently."""
        found: list[list[int | None]] = [
            [self._pids.get(_key(moment.pieces[slot])) if slot in moment.pieces else None for moment in moments]
            for slot in ("nmt", Kind.STATUS.value, Kind.PMAP.value)
        ]
        best = max(found, key=lambda pids: sum(pid is not None for pid in pids))
        current = next((pid for pid in best if pid is not None), 0)
        processes: list[int] = []
        for pid in best:
            current = current if pid is None else pid
            processes.append(current)
        return processes

    def _records(self, index: int, moment: Moment, *, has_heap: bool) -> Iterator[EvidenceRecord]:
        members = {piece.member: piece for piece in moment.pieces.values() if piece.kind is Kind.CGROUP}
        if (
            members
            and {"memory.stat"} & members.keys()
            and {"memory.current", "memory.usage_in_bytes"} & members.keys()
        ):
            version = 1 if "memory.usage_in_bytes" in members else 2
            data = {"version": version, "files": {name: piece.text for name, piece in members.items()}}
            yield self._record(index, moment.at, ("cgroup", "memory"), data, members["memory.stat"].source)
        for piece in moment.pieces.values():
            if piece.kind is Kind.NMT:
                report = self._reports.get(_key(piece))
                name = "summary.diff" if isinstance(report, NmtReport) and report.is_diff else "summary"
                name = "baseline" if report is NmtAnswer.BASELINE_TAKEN else name
                yield self._record(index, moment.at, ("nmt", name), piece.text, piece.source)
            elif piece.kind is Kind.PMAP:
                yield self._record(index, moment.at, _RECORDS[Kind.SMAPS], piece.text, piece.source)
            elif piece.kind in _RECORDS and (has_heap or piece.kind is not Kind.HEAP_INFO):
                yield self._record(index, moment.at, _RECORDS[piece.kind], piece.text, piece.source)

    def _record(self, index: int, at: float, names: tuple[str, str], data: object, source: str) -> EvidenceRecord:
        probe, name = names
        self.files[f"{probe}/{name}@{index}"] = source
        return EvidenceRecord(1, at, 0.0, probe, name, index, data)


def _known(told: JvmIdentity | None, collected: JvmIdentity | None, *, knows_options: bool) -> JvmIdentity | None:
    """The collector's own word where there is one. Without the JVM's options the maximum of its heap may find the heap among
    the mappings, but bounds nothing else: NIO's limit may be another."""
    if collected is not None or told is None:
        return collected
    return told if knows_options else replace(told, max_heap_bytes=None)


def _with_baseline(moments: list[Moment], desk: _Desk) -> list[Moment]:
    """A diff tells of two moments: the one it compares with comes before, at a time that nobody knows. In a series with times it
    would only spoil the rate."""
    reports = [(moment.pieces["nmt"].source, desk.report(moment)) for moment in moments if "nmt" in moment.pieces]
    diff = next((name for name, each in reports if isinstance(each, NmtReport) and each.is_diff), None)
    is_series = len(reports) > 1 and all(moment.is_timed for moment in moments)
    if diff is None or is_series or any(each is NmtAnswer.BASELINE_TAKEN for _, each in reports):
        return moments
    at = moments[0].at - STEP_SECONDS
    baseline = Piece(Kind.NMT, diff, _BASELINE_PART, "Baseline succeeded", at, Clock.ORDER)
    desk.baseline(baseline)
    return [Moment(at, is_timed=False, pieces={"nmt": baseline}), *moments]


def _profiles(pieces: Sequence[Piece]) -> Iterator[Stream]:
    """Profiles of allocators in the order of time, or of their names where they have none: one stream of blobs."""
    chosen = [piece for piece in pieces if piece.kind in _BLOBS]
    told = all(piece.clock is Clock.NAME for piece in chosen) or are_times(chosen)
    chosen.sort(key=lambda piece: (piece.at if told else 0.0, natural(piece.source)))
    if chosen:
        yield Stream(
            blobs=tuple(
                Blob(seq, piece.at, "file", piece.source, _BLOBS[piece.kind], None, piece.data or piece.text.encode())
                for seq, piece in enumerate(chosen)
            )
        )


def _read(pieces: Sequence[Piece], moments: Sequence[Moment], failed: set[str]) -> Iterator[ReadAs]:
    times = {
        (piece.source, piece.part): moment.at if moment.is_timed else None
        for moment in moments
        for piece in moment.pieces.values()
    }
    found: dict[tuple[str, Kind], list[Piece]] = {}
    for piece in pieces:
        if piece.source not in failed:
            found.setdefault((piece.source, piece.kind), []).append(piece)
    for (source, kind), each in found.items():
        known = [at for piece in each if (at := times.get((piece.source, piece.part))) is not None]
        clock = each[0].clock if known else Clock.ORDER
        yield ReadAs(source, kind, len(each), min(known, default=None), max(known, default=None), clock)
