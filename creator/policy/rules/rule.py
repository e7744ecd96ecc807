"""What a rule is, and how its examples become whole modules."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Final

_IMPORTS: Final = """\
from __future__ import annotations

from autogen_core import MessageContext, RoutedAgent, message_handler

from sandbox import kit

"""
_AGENT: Final = """\


class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("An example")
        self._name = name

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name=self._name, sector="examples", skills=[])
"""


@dataclass(frozen=True)
class Example:
    """A module that a rule refuses or lets through.

    Attributes:
        shown: The part that matters, for a person to read; for what cannot be shown, a sentence that starts with "#".
        module: The whole module.
    """

    shown: str
    module: str | bytes


@dataclass(frozen=True)
class Rule:
    """One thing that the policy asks of a module.

    Attributes:
        id: The code of its findings, such as ``IMPORT001``.
        summary: What it asks, in one line.
        reason: What could go wrong without it.
        refused: A module that this rule refuses, and no other one.
        passes: The nearest module that passes.
    """

    id: str
    summary: str
    reason: str
    refused: Example
    passes: Example


def part(code: str) -> Example:
    """Code that stands between the usual imports and a usual class Agent."""
    shown = textwrap.dedent(code).strip("\n") + "\n"
    return Example(shown, _IMPORTS + shown + _AGENT)


def agent(code: str) -> Example:
    """Code that comes after the usual imports, with a class Agent of its own or without any."""
    shown = textwrap.dedent(code).strip("\n") + "\n"
    return Example(shown, _IMPORTS + shown)


def built(shown: str, ending: str | bytes) -> Example:
    """A usual module with an ending that cannot be shown.

    Args:
        shown: What the ending is, as a comment.
        ending: The text, or the bytes when they are no valid text.
    """
    usual = _IMPORTS + _AGENT
    return Example(shown + "\n", usual + ending if isinstance(ending, str) else usual.encode() + ending)
