"""What calls to models have cost: an account for each agent, and a record of each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from creator.models.backend import Completion, Usage
from creator.models.memory import Source


@dataclass
class Account:
    """What one agent has spent, and what it got for nothing because the answer was known."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_characters: int = 0
    reused_prompt_tokens: int = 0
    reused_completion_tokens: int = 0
    recalled_prompt_tokens: int = 0
    """Of answers that were paid for, and counted, in an earlier life of the run."""
    recalled_completion_tokens: int = 0

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens read and written in its name, whether they were paid for or not.

        What is decided by the tokens of an agent is decided by these, so that a run that is played again goes as it
        went.
        """
        return (
            self.prompt_tokens + self.reused_prompt_tokens,
            self.completion_tokens + self.reused_completion_tokens,
        )

    @property
    def answered(self) -> tuple[int, int]:
        """Tokens read and written of all answers that it was given, as the agent itself sees them."""
        read, written = self.tokens
        return read + self.recalled_prompt_tokens, written + self.recalled_completion_tokens


@dataclass(frozen=True)
class CallRecord:
    """One model call, retries included, for the ledger. Of a call that embeds texts there is one for each text.

    Attributes:
        agent: For whom it was made.
        model: The model's name.
        prompt_tokens: Tokens read, when the model gave the answer.
        completion_tokens: Tokens written, likewise.
        prompt_characters: Characters of the messages.
        latency: Seconds, waiting and retries included.
        retries: How many tries failed before the last.
        error: Why the last one failed; None when it answered.
        key: What was asked, as a digest; see `creator.models.keys`.
        source: Where the answer came from; only the model's own is paid for.
        cost: What it cost in US dollars, 0 unless the model itself was asked; None when the price is unknown.
    """

    agent: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    prompt_characters: int
    latency: float
    retries: int
    error: str | None
    key: str = ""
    source: Source = "model"
    cost: float | None = None


OnCall = Callable[[CallRecord, Completion | None], None]
"""Told of each call that ended, with its answer; None when it failed, or was refused."""


def tokens_of(usage: Usage | None) -> tuple[int, int]:
    """Tokens read and written; none where nothing was used."""
    return (usage.prompt_tokens, usage.completion_tokens) if usage is not None else (0, 0)
