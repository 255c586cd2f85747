"""How the apiserver's answers are read. The bodies are those of a real one, 1.34."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from offheap.cluster.client import is_outdated, said


def an_error(status: int, message: str = "", details: dict[str, Any] | None = None) -> ApiException:
    error = ApiException(status=status, reason="Why")
    error.body = json.dumps({"kind": "Status", "message": message, "details": details or {}, "code": status})
    return error


def caused(field: str, reason: str = "FieldValueInvalid") -> dict[str, Any]:
    return {"name": "orders", "causes": [{"reason": reason, "field": field, "message": "no"}]}


GENERIC = "the server rejected our request due to an error in our request"
ANSWERS: dict[str, tuple[ApiException, bool]] = {
    "a JSON patch whose test does not hold": (an_error(422, GENERIC), True),
    "created anew under the name": (an_error(422, "metadata.uid: field is immutable", caused("metadata.uid")), True),
    "deleted, with the UID given": (an_error(409, "uid mismatch", {"name": "orders"}), True),
    "written by somebody else": (an_error(409, "the object has been modified", {"name": "orders"}), True),
    "a field of another manager": (an_error(409, "conflict", caused(".spec.x", "FieldManagerConflict")), False),
    "a value that is refused": (an_error(422, 'Deployment "latest" is invalid', caused("spec.replicas")), False),
    "a policy": (an_error(422, "ValidatingAdmissionPolicy 'uid-test' denied", {"name": "orders"}), False),
    "a webhook": (an_error(422, 'admission webhook "test.io" denied the request: no'), False),
    "no right": (an_error(403, "forbidden"), False),
    "an error of its own": (an_error(500, GENERIC), False),
}


@pytest.mark.parametrize(("error", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
def test_whether_reading_again_would_help(error: ApiException, expected: bool) -> None:
    assert is_outdated(error) is expected


@pytest.mark.parametrize("body", [None, "", "<html>", "[]", "null", '{"message": 3}', '{"details": {"causes": [1]}}'])
@pytest.mark.parametrize(("status", "expected"), [(409, True), (422, False)])
def test_an_answer_that_is_no_status_is_read_by_its_number(body: str | None, status: int, expected: bool) -> None:
    error = ApiException(status=status, reason="Why")
    error.body = body
    assert is_outdated(error) is expected
    assert said(error)


def test_the_apiservers_own_words_are_quoted_up_to_an_end() -> None:
    assert said(an_error(403, "pods is forbidden")) == "pods is forbidden"
    assert len(said(an_error(422, "x" * 5000))) == 1000
    bare = ApiException(status=503, reason="Service Unavailable")
    assert said(bare) == "503 Service Unavailable"
