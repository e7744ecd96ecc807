"""What a refusal looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MAX_QUOTED: Final = 60


@dataclass(frozen=True, order=True)
class Finding:
    """One refusal: where it is, which rule, and what to do. Findings sort by line, then column.

    Attributes:
        line: Counted from 1.
        column: In characters, counted from 1.
        rule: The id of the rule, a key of `creator.policy.RULES`.
        message: What is wrong and what to write instead; bounded, printable ASCII.
        filename: The name that was given for the module.
    """

    line: int
    column: int
    rule: str
    message: str
    filename: str = ""

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column}: {self.rule} {self.message}"


def quoted(text: str) -> str:
    """A piece of a hostile module for a message: short, printable, in quotes."""
    return ascii(text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 3] + "...")
