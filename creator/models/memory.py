"""Answers that are known already: of this run, of one that is played again, or of earlier ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from creator.models.backend import Completion

Source = Literal["model", "run", "cache", "shared"]
"""Where an answer came from: the model itself, the run's own record, the cache on disk, or an identical call that
was under way at the same time. Only the first is paid for."""


class Memory:
    """Answers a question once."""

    async def recall(self, key: str, ask: Callable[[], Awaitable[Completion]]) -> tuple[Completion, Source]:
        """The answer to a question, and where it came from.

        Args:
            key: The question's; see `creator.models.keys`.
            ask: Asks the model, where nobody knows the answer yet.
        """
        return await ask(), "model"
