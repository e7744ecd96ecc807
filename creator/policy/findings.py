"""The rules by id, and what a refusal looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RULES: Final[dict[str, str]] = {
    "SOURCE001": "the module is bounded in size",
    "SOURCE002": "the module is UTF-8 and declares no other encoding",
    "SOURCE003": "no null bytes, control characters or marks that turn the reading direction",
    "SOURCE004": "nesting, the length of lines and the number of syntax nodes are bounded",
    "SYNTAX001": "the module is valid Python",
    "IMPORT001": "only modules of the allowlist are imported",
    "IMPORT002": "only listed names of a module are imported or used",
    "IMPORT003": "no relative and no star imports",
    "IMPORT004": "imports stand at the top level",
    "IMPORT005": "an imported module is used as module.name and in no other way",
    "NAME001": "only listed builtins are used",
    "NAME002": "identifiers are ASCII",
    "NAME003": "imported names are not bound again",
    "NAME004": "no global statement",
    "ATTR001": "no dunder attributes, and private attributes only of the module's own making",
    "ATTR002": "no attributes that lead to frames, event loops, the runtime or other code",
    "CALL001": "getattr, setattr, delattr and hasattr take literal public names",
    "CALL002": "type, super and iter only in their simple forms",
    "CALL003": "str.format only on a literal with plain fields",
    "TOP001": "only imports, definitions and constant assignments at import time",
    "TOP002": "what runs at import time (values, defaults, decorators, bases) is constant",
    "TYPE001": "annotations are plain type expressions without quotes",
    "CLASS001": "exactly one class Agent, at the top level",
    "CLASS002": "Agent derives from RoutedAgent and from nothing else",
    "CLASS003": "Agent has __init__(self, name), which calls super().__init__",
    "CLASS004": "Agent has at least one message handler",
    "CLASS005": "a handler is async and its parameters are self, message, ctx",
    "CLASS006": "a handler's message, ctx and return value are annotated",
    "FLOW001": "an endless loop awaits",
    "FLOW002": "nothing catches or raises what ends the process",
}
"""Every rule's id and what it asks for."""

_MAX_QUOTED: Final = 60


@dataclass(frozen=True, order=True)
class Finding:
    """One refusal: where it is, which rule, and what to do. Findings sort by line, then column.

    Attributes:
        line: Counted from 1.
        column: In characters, counted from 1.
        rule: A key of `RULES`.
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
