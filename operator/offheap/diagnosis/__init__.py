"""The diagnosis: pure functions from evidence to a balance sheet, findings and one verdict."""

from offheap.diagnosis.answer import Balance, Diagnosis, Finding, Row, Verdict
from offheap.diagnosis.diagnose import diagnose
from offheap.diagnosis.kinds import Confidence, Outcome, VerdictKind

__all__ = ["Balance", "Confidence", "Diagnosis", "Finding", "Outcome", "Row", "Verdict", "VerdictKind", "diagnose"]
