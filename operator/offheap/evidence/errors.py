"""The one error of all parsers: a reader needs to know what was wrong and in which line, and nothing else."""

from __future__ import annotations


class EvidenceError(ValueError):
    """The text is not what its format promises. `line` counts from 1; 0 means the text as a whole."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.message = message
        self.line = line
        super().__init__(f"line {line}: {message}" if line else message)
