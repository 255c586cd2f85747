"""The two ways in which something does not go on: one evidence is skipped, or the whole collection ends.

Both carry what a person needs: a reason as a word, and a message that says how to mend it.
"""

from __future__ import annotations


class Skip(Exception):  # noqa: N818 - a result, no error
    """One evidence cannot be had; the others go on."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


class Ended(Exception):  # noqa: N818 - a result, no error
    """Nothing more can be had. `outcome` is a word of the stream's `end` record."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(outcome, message)
        self.outcome = outcome
        self.message = message


class StreamClosed(Exception):  # noqa: N818 - a result, no error
    """Nobody reads any more (broken pipe) or nothing can be written (disk full): there is no one left to tell."""


def permission_denied(what: str) -> Skip:
    """The kernel lets a process read another only with the same user and group and at least its capabilities
    (ptrace(2), PTRACE_MODE_READ_FSCREDS)."""
    return Skip(
        "PermissionDenied",
        f"{what} cannot be read: run the collector as the target's user and group, with no fewer capabilities than it has",
    )
