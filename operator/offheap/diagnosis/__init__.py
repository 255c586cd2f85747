"""The diagnosis: pure functions from evidence to a balance sheet, findings and one verdict."""

from offheap.diagnosis.answer import Balance, Diagnosis, Finding, Row, Verdict
from offheap.diagnosis.diagnose import diagnose, diagnose_with
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind
from offheap.diagnosis.trials import compare

__all__ = [
    "Balance",
    "Confidence",
    "Diagnosis",
    "Finding",
    "Outcome",
    "Row",
    "Verdict",
    "VerdictKind",
    "compare",
    "diagnose",
    "diagnose_with",
]
