"""The budget of a run: hard limits, looked at before anything is spent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from creator.models.backend import Usage


class Reservation:
    """What one try at a model call may cost at most, until it is known what it did cost."""

    def settle(self, usage: Usage) -> None:
        """The server has told what the try cost."""

    def release(self) -> None:
        """The try cost nothing: it was refused, or never sent."""


class Budget:
    """What a run may spend; this one knows no limit."""

    @asynccontextmanager
    async def reserve(
        self, agent: str, model: str, *, prompt_tokens: int, completion_tokens: int
    ) -> AsyncIterator[Reservation]:
        """Hold what one try may cost at most; what is neither settled nor released counts as spent.

        Args:
            agent: On whose account.
            model: The model's name.
            prompt_tokens: No fewer than the prompt has.
            completion_tokens: The limit of the answer.

        Raises:
            TerminalModelError: A limit forbids it.
        """
        yield Reservation()
