"""What models cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """What a model costs.

    Attributes:
        prompt: US dollars for a million tokens read.
        completion: US dollars for a million tokens written.
    """

    prompt: float
    completion: float

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost, in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


PriceOf = Callable[[str], Price | None]
"""Gives a model's price by its name; None when it is unknown."""
