"""What a review is about, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from creator.blueprint import AuthorMode
from creator.templates.slots import SlotValue


@dataclass(frozen=True)
class Candidate:
    """A module that is about to go live. All its texts may come from a model.

    Attributes:
        name: The agent's name.
        persona: What the agent calls itself.
        sector: Its field of business.
        role: Its part in the population.
        author: How the module came to be.
        template: The template's name.
        attempt: Which try this is at this birth, counted from 1.
        source: The module.
        template_source: What the difference is shown against: the module that the template gives for the same brief
            with no model. None: there is nothing to compare with.
        slots: The template's values, in order.
        findings: What the policy found, and what was repaired on the way, a line each; empty when it found nothing.
        sha256: The module's SHA-256 in hexadecimal.
    """

    name: str
    persona: str
    sector: str
    role: str
    author: AuthorMode
    template: str
    attempt: int
    source: str
    template_source: str | None
    slots: Mapping[str, SlotValue]
    findings: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Verdict:
    """What a person decided on a candidate.

    Attributes:
        decision: ``pending`` means that it waits; the run goes on without it.
        why: The reason of a rejection, on one line.
        source: The new module of an edit; it has not been checked.
    """

    decision: Literal["approved", "rejected", "edited", "pending"]
    why: str = ""
    source: str = ""


class Reviewer(Protocol):
    """Decides on candidates. Agents are born side by side, so calls overlap."""

    async def review(self, candidate: Candidate) -> Verdict:
        """The decision on a candidate; waits for it as long as a person takes."""
        ...

    async def tell(self, candidate: Candidate, problem: str) -> None:
        """The checks refused the edited module of this candidate.

        The next `review` of the same candidate shows the edited module again, so that no work is lost.

        Args:
            candidate: As it was given to `review`.
            problem: What the checks found.
        """
        ...


class LaterReviewer:
    """Asks nobody: everything waits for a later decision."""

    async def review(self, candidate: Candidate) -> Verdict:
        """Pending, at once."""
        return Verdict("pending")

    async def tell(self, candidate: Candidate, problem: str) -> None:
        """Nothing: no module of this reviewer was ever edited."""
