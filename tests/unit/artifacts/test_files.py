"""What is kept of the collectors' streams, whole and cut short."""

import base64
import gzip
import json
import zlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from offheap.artifacts.files import Gathered, Said, gather, note
from offheap.evidence.stream import read_stream

AT = 1_780_000_000.0


def lines(*records: dict[str, object], first: int = 0) -> list[str]:
    return [
        json.dumps({"seq": first + n, "at": AT + n, "elapsed": float(n), **record}) for n, record in enumerate(records)
    ]


def evidence(name: str, sample: int | None, data: object) -> dict[str, object]:
    probe, _, rest = name.partition("/")
    record: dict[str, object] = {"type": "evidence", "probe": probe, "name": rest, "data": data}
    return record if sample is None else record | {"sample": sample}


def blob(
    name: str, data: bytes, sample: int = 0, probe: str = "jemalloc", kind: str = "jemalloc-heap"
) -> dict[str, object]:
    packed = base64.b64encode(zlib.compress(data)).decode()
    whole = {"size_bytes": len(data), "crc32": zlib.crc32(data)}
    return {
        "type": "blob",
        "probe": probe,
        "name": name,
        "kind": kind,
        "sample": sample,
        "part": 0,
        "zdata": packed,
        **whole,
    }


def end(outcome: str = "Completed") -> dict[str, object]:
    return {"type": "end", "outcome": outcome, "message": "why"}


def said(raw: Sequence[str], step: str = "Sample", collector: str = "offheap-sample-1") -> Said:
    return Said(collector, step, "orders-0", raw, read_stream(raw))


def gathered(*records: dict[str, object], cited: Sequence[str] = ()) -> Gathered:
    return gather([said(lines(*records))], cited)


def test_the_raw_stream_is_kept_whole() -> None:
    raw = lines(evidence("nmt/summary", 0, "text"), end())
    file = gather([said(raw)]).files[0]
    assert (file.name, file.kind) == ("collector-sample-orders-0.ndjson.gz", "stream")
    assert gzip.decompress(file.data).decode().splitlines() == raw


def test_texts_of_the_first_and_the_last_sample_and_those_cited_get_a_file() -> None:
    got = gathered(*(evidence("nmt/summary", n, f"at {n}") for n in range(6)), end(), cited=["nmt/summary@3"])
    texts = [(file.name, file.data, file.source) for file in got.files[1:]]
    assert texts == [
        ("nmt/summary@5.txt", b"at 5", "nmt/summary@5"),
        ("nmt/summary@3.txt", b"at 3", "nmt/summary@3"),
        ("nmt/summary@0.txt", b"at 0", "nmt/summary@0"),
    ]


def test_a_long_text_is_packed_and_a_value_is_json() -> None:
    long = "Rss: 1 kB\n" * 3000
    got = {
        file.name: file
        for file in gathered(evidence("smaps/smaps", 0, long), evidence("cgroup/memory", 0, {"a": 1})).files
    }
    assert gzip.decompress(got["smaps/smaps@0.txt.gz"].data).decode() == long
    assert json.loads(got["cgroup/memory@0.json"].data) == {"a": 1}
    assert got["cgroup/memory@0.json"].kind == "json"


def test_profiles_are_kept_as_the_tool_wrote_them_the_last_one_first() -> None:
    got = gathered(
        blob("jeprof.1.0.i0.heap", b"first"), blob("jeprof.1.1.i1.heap", b"then"), blob("jeprof.1.2.i2.heap", b"last")
    )
    assert [(file.name, file.kind, file.data) for file in got.files[1:]] == [
        ("jemalloc/jeprof.1.2.i2.heap", "jemalloc-heap", b"last"),
        ("jemalloc/jeprof.1.0.i0.heap", "jemalloc-heap", b"first"),
        ("jemalloc/jeprof.1.1.i1.heap", "jemalloc-heap", b"then"),
    ]


def test_a_blobs_name_is_only_a_name() -> None:
    names = [
        file.name
        for file in gathered(blob("../../../root/.ssh/authorized_keys", b"x"), blob("a.heap/../../b", b"y")).files
    ]
    assert all(name.count("/") == 1 and ".." not in name.split("/")[1][:2] for name in names[1:])


def test_two_collectors_never_share_a_file() -> None:
    raw = lines(evidence("nmt/summary", 0, "text"), end())
    got = gather([said(raw), said(raw, collector="offheap-sample-2")])
    assert len({file.name for file in got.files}) == len(got.files) == 4
    assert [one.collector for one in got.streams] == ["offheap-sample-1", "offheap-sample-2"]


def test_samplers_come_before_the_small_first_looks() -> None:
    raw = lines(evidence("process/identity", None, {}), end())
    got = gather([said(raw, step="Look", collector="look"), said(raw)])
    assert [file.name for file in got.files[:2]] == [
        "collector-sample-orders-0.ndjson.gz",
        "collector-look-orders-0.ndjson.gz",
    ]


def test_a_stream_without_an_end_says_until_when_it_goes() -> None:
    raw = lines(evidence("nmt/summary", 0, "a"), evidence("nmt/summary", 1, "b"))
    got = note(said(raw))
    assert (got.outcome, got.samples, got.last_at) == ("", 2, AT + 1)
    assert "no end" in got.statement
    assert "2 samples until 2026-05-28T20:26:41Z" in got.statement


def test_an_early_end_and_gaps_and_bad_lines_are_told() -> None:
    raw = [*lines(evidence("nmt/summary", 0, "a")), "not json", *lines(end("TargetGone"), first=5)]
    got = note(said(raw))
    assert got.gaps == ((1, 4),)
    assert got.statement == (
        "The collector ended with TargetGone (why); 1 sample until 2026-05-28T20:26:40Z."
        " Records 1 to 4 are missing. Lines that could not be read: 1."
    )


def test_a_whole_stream_says_so() -> None:
    assert note(said(lines(evidence("nmt/summary", 0, "a"), end()))).statement.startswith("Whole: 1 sample until ")


def test_a_collector_that_said_nothing_has_a_note_and_no_file() -> None:
    got = gather([said([])])
    assert got.files == ()
    assert "no evidence" in got.streams[0].statement


@given(
    st.lists(
        st.text(max_size=60)
        | st.builds(
            json.dumps,
            st.dictionaries(
                st.sampled_from(["seq", "type", "at", "data", "probe"]),
                st.sampled_from([0, 1, "evidence", "blob", "end", 1e300, None, "\ud800", {}]),
            ),
        ),
        max_size=8,
    )
)
def test_whatever_a_stream_holds_it_is_kept(raw: list[str]) -> None:
    got = gather([said(raw)])
    assert got == gather([said(raw)]), "the same bytes each time"
    assert len(got.streams) == 1
