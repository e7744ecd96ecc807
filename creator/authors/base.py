"""What an author is, and what it works with."""

from __future__ import annotations

from typing import Protocol

from creator.agents.messages import CompleteText, CreateAgent, Created, FillTemplate
from creator.errors import PolicyViolation
from creator.policy import check_module

SHOWN_FINDINGS = 3


class Pen(Protocol):
    """How an author asks the model; every call is stateless."""

    async def fill(self, request: FillTemplate) -> str:
        """JSON text with the values of a template's slots."""
        ...

    async def complete(self, request: CompleteText) -> str:
        """Free text."""
        ...


class Author(Protocol):
    """Writes the module of one agent.

    Attributes:
        writes_code: Whether a model writes code of the module, and does not only fill in its values.
    """

    writes_code: bool

    async def write(self, order: CreateAgent, pen: Pen) -> Created:
        """Write and check one agent.

        Raises:
            CreatorError: It cannot be done; the text says why.
        """
        ...


def checked(source: str, name: str) -> str:
    """The module, when the policy lets it pass.

    Raises:
        PolicyViolation: It does not; the text lists the first findings.
    """
    findings = check_module(source, f"{name}.py")
    if findings:
        more = f" (and {len(findings) - SHOWN_FINDINGS} more)" if len(findings) > SHOWN_FINDINGS else ""
        raise PolicyViolation("; ".join(str(finding) for finding in findings[:SHOWN_FINDINGS]) + more)
    return source
