"""The gate: where somebody asked to review, no module goes live without an approval of exactly that module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from creator.agents.messages import Created
from creator.decisions import Decisions
from creator.errors import BirthFailed, PolicyViolation, UsageError
from creator.files import digest
from creator.ledger.store import EditRow, Ledger
from creator.review.base import Candidate, Reviewer

Check = Callable[[str, str], Awaitable[str]]
"""Takes an edited module and its agent's name; gives it as it may run, or raises what is wrong with it."""

Wait = Callable[[Created], Awaitable[None]]
"""Puts a module on disk and its agent on record as pending; returns once it may be waited for."""


class Rejected(Exception):
    """A person rejected a module.

    Attributes:
        why: In the person's words.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Gate:
    """Asks a person about every module.

    Args:
        reviewer: How the person is asked.
        decisions: Where later decisions come from.
        ledger: Where every decision is written before it has an effect.
        check: Judges edited modules.
        example: A template's module for a brief with no model, to compare with; by the draft.
        waiting: Entered while a decision that was put off is waited for.
    """

    def __init__(
        self,
        reviewer: Reviewer,
        decisions: Decisions,
        ledger: Ledger,
        check: Check,
        example: Callable[[Created], str | None],
        waiting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._reviewer = reviewer
        self._decisions = decisions
        self._ledger = ledger
        self._check = check
        self._example = example
        self._waiting = waiting

    async def admit(self, draft: Created, pend: Wait) -> Created:
        """The module that a person approved: the draft, or what the person made of it.

        Args:
            draft: A module that passed all checks.
            pend: Called when the decision is put off.

        Raises:
            Rejected: The person does not want it.
        """
        candidate = self._candidate(draft)
        name = candidate.name
        while True:
            verdict = await self._reviewer.review(candidate)
            match verdict.decision:
                case "approved":
                    self._ledger.record_decision(name, candidate.sha256, "approved")
                    return draft
                case "rejected":
                    self._ledger.record_decision(name, candidate.sha256, "rejected", verdict.why)
                    raise Rejected(verdict.why)
                case "edited":
                    try:
                        source = await self._check(verdict.source, name)
                    except (PolicyViolation, BirthFailed, UsageError) as error:
                        await self._reviewer.tell(candidate, str(error))
                        continue
                    self._ledger.record_decision(name, digest(source), "edited")
                    return _edited(draft, source)
                case "pending":
                    await pend(draft)
                    return await self._decided(draft, candidate)

    async def _decided(self, draft: Created, candidate: Candidate) -> Created:
        """What a person decided later, elsewhere.

        Raises:
            Rejected: The person does not want it.
        """
        while True:
            with self._waiting():
                row = await self._decisions.of(candidate.name, candidate.sha256)
            if isinstance(row, EditRow):
                # Whoever wrote it there, it goes through what an edit on this terminal goes through.
                try:
                    source = await self._check(row.source, row.name)
                except (PolicyViolation, BirthFailed, UsageError) as error:
                    self._ledger.refuse_edit(row.id, str(error))
                    continue
                if self._ledger.take_edit(row, digest(source)):
                    return _edited(draft, source)
            elif row.decision == "rejected":
                raise Rejected(row.why)
            else:
                return draft

    def _candidate(self, draft: Created) -> Candidate:
        blueprint = draft.blueprint
        return Candidate(
            name=blueprint.name,
            persona=blueprint.persona,
            sector=blueprint.sector,
            role=blueprint.brief.role,
            author=blueprint.author,
            template=blueprint.template,
            attempt=blueprint.attempt,
            source=draft.source,
            template_source=self._example(draft),
            slots=blueprint.slots,
            findings=tuple(draft.notes),
            sha256=digest(draft.source),
        )


def _edited(draft: Created, source: str) -> Created:
    return draft.model_copy(update={"source": source, "notes": [*draft.notes, "edited by a person"]})
