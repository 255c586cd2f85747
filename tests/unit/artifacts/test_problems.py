"""What a store answers becomes a reason with a way out; nothing of a request's signature is passed on."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.artifacts import problems
from offheap.artifacts.problems import problem_of

WHERE = "s3://bucket/prefix"
PAGE = Path(__file__).parents[3] / "docs" / "guide" / "artifacts.md"


def answered(status: str, code: str, sentence: str) -> str:
    """As object_store words it, with what AWS sends beside code and sentence."""
    body = (
        f"<Error><Code>{code}</Code><Message>{sentence}</Message><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>"
        "<StringToSign>AWS4-HMAC-SHA256 scope</StringToSign><SignatureProvided>b0d7c419</SignatureProvided></Error>"
    )
    return (
        f"Generic S3 error: Error performing PUT http://host/bucket/x?X-Amz-Signature=b0d7c419 in 2ms - "
        f'Server returned non-2xx status code: {status}: <?xml version="1.0"?>\n{body}\n\nDebug source:\n{body}'
    )


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (OSError(answered("403 Forbidden", "SignatureDoesNotMatch", "no match")), "ArtifactStoreDenied", "no match"),
        (OSError(answered("403 Forbidden", "Other", "no")), "ArtifactStoreDenied", "Other: no"),
        (
            FileNotFoundError(answered("404 Not Found", "InvalidAccessKeyId", "no such key id")),
            "ArtifactStoreDenied",
            "InvalidAccessKeyId",
        ),
        (FileNotFoundError(answered("404 Not Found", "NoSuchBucket", "no")), "ArtifactBucketMissing", "NoSuchBucket"),
        (FileNotFoundError(answered("404 Not Found", "ContainerNotFound", "no")), "ArtifactBucketMissing", "Container"),
        (OSError(answered("507 Insufficient Storage", "XMinioStorageFull", "full")), "ArtifactStoreFull", "full"),
        (OSError(answered("500 Internal Server Error", "InternalError", "oops")), "ArtifactStoreFailed", "oops"),
        (OSError("status code: 502 Bad Gateway: <html>secret</html>"), "ArtifactStoreFailed", "502 Bad Gateway"),
        (OSError("x: No space left on device (os error 28)"), "ArtifactStoreFull", "No space left"),
        (OSError("x: Permission denied (os error 13)"), "ArtifactStoreDenied", "Permission denied"),
        (TimeoutError(), "ArtifactStoreSlow", "time out"),
        (OSError("error sending request\n\nDebug source: kind: Timeout"), "ArtifactStoreSlow", "time out"),
        (OSError("error sending request\n\nDebug source: BadScheme"), "ArtifactStoreUnreachable", "AWS_ALLOW_HTTP"),
        (OSError("kind: Connect InvalidCertificate(UnknownIssuer)"), "ArtifactStoreUnreachable", "not trusted"),
        (OSError("error sending request\n\nDebug source: kind: Request"), "ArtifactStoreUnreachable", "broke"),
        (OSError("error sending request\n\nDebug source: kind: Connect"), "ArtifactStoreUnreachable", "no connection"),
        (OSError("kind: Connect … failed to lookup address"), "ArtifactStoreUnreachable", "cannot be resolved"),
        (ValueError("what?sig=secret\nmore"), "ArtifactStoreFailed", "what"),
    ],
)
def test_an_answer_is_told_in_words_that_say_what_to_do(error: Exception, reason: str, detail: str) -> None:
    problem = problem_of(error, WHERE)
    assert problem.reason == reason
    assert WHERE in problem.message
    assert detail in problem.message
    for secret in ("AKIDEXAMPLE", "HMAC", "b0d7c419", "secret"):
        assert secret not in problem.message


@given(st.text())
def test_whatever_is_answered_is_told_shortly(text: str) -> None:
    assert len(problem_of(OSError(text), WHERE).message) < 900


def test_every_reason_is_in_the_guide() -> None:
    tree = ast.parse(Path(problems.__file__).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem"]
    reasons = [ast.literal_eval(call.args[0]) for call in calls]
    assert len(reasons) == 6
    text = PAGE.read_text(encoding="utf-8")
    assert not [reason for reason in reasons if f"| `{reason}` |" not in text]
