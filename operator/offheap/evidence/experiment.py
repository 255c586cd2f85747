"""What an experiment on the target gave back: a full collection (GC.run), or a trim of malloc's free memory.

The collector measures the process just before and after. A collection also shrinks the heap itself, so what it gave back
is an upper bound of what it freed outside; a trim touches malloc's memory only.
"""

from __future__ import annotations

from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError

_MEASURES = ("rss_before_bytes", "rss_after_bytes", "anonymous_before_bytes", "anonymous_after_bytes")
_MAX_ANSWER = 2000


@dataclass(frozen=True, slots=True)
class Experiment:
    """Resident memory of the process around one experiment, and what the VM answered."""

    rss_before_bytes: int
    rss_after_bytes: int
    anonymous_before_bytes: int
    anonymous_after_bytes: int
    answer: str = ""

    @property
    def returned_bytes(self) -> int:
        """Anonymous memory that went back to the kernel, 0 when it grew."""
        return max(0, self.anonymous_before_bytes - self.anonymous_after_bytes)


def parse_experiment(data: object) -> Experiment:
    """Read the collector's record. Raises EvidenceError when one of the four measures is missing."""
    members = data if isinstance(data, dict) else {}
    measures = [members.get(key) for key in _MEASURES]
    known = [each for each in measures if isinstance(each, int) and not isinstance(each, bool) and each >= 0]
    if len(known) != len(_MEASURES):
        raise EvidenceError(f"an experiment without one of {', '.join(_MEASURES)}")
    answer = members.get("answer")
    return Experiment(known[0], known[1], known[2], known[3], answer[:_MAX_ANSWER] if isinstance(answer, str) else "")
