"""What every language model offers to the rest of the house: one attempt at one completion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from autogen_core.models import LLMMessage

from creator.errors import TerminalModelError

CHECK_PROMPT_TOKENS: Final = 128
CHECK_ANSWER_TOKENS: Final = 16
"""What `Backend.check` may cost at most: its question is short, and tried again only when it was refused."""

Strategy = Literal["object", "slots"]
"""How a model gives structured answers: whole JSON objects, or slot by slot (small models)."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one or more calls."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Completion:
    """A model's answer.

    Attributes:
        text: What it wrote; may be empty.
        usage: What it cost.
        truncated: Whether it was cut off at the limit of tokens.
        refusal: Why the model, or a filter of its provider's, did not answer, in one line; empty when it did.
    """

    text: str
    usage: Usage
    truncated: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Embeddings:
    """What texts mean to a model, as vectors.

    Attributes:
        vectors: One for each text, in order, all of the same length.
        usage: What they cost.
    """

    vectors: list[list[float]]
    usage: Usage


class Backend(ABC):
    """A language model, as an async context manager that starts and stops what it needs."""

    name: str
    """Its spec, such as ``openai:gpt-4.1-mini``."""

    notice: str
    """What the user should know of it, in one line."""

    strategy: Strategy = "object"

    max_concurrency: int
    """How many calls may be under way at once."""

    embeds: bool = False
    """Whether its server may have models that embed texts."""

    provider: str = ""
    """Whose model it is, in the words of OpenTelemetry's conventions; empty where that is nobody's."""

    address: str = ""
    """What tells it from another model of the same name: the server's URL, without a name or a password."""

    @property
    def judges(self) -> bool:
        """Whether it is capable of judging ideas; a small model's preference is nobody's."""
        return self.strategy == "object"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None

    @abstractmethod
    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        """One attempt at one completion.

        Args:
            messages: The whole context.
            temperature: Sampling temperature, 0 to 2.
            max_tokens: Limit of the answer.
            json_schema: JSON Schema of the answer, as far as the model can be held to it.
            extra: More fields of the request, for servers that know them.
            timeout: Seconds.

        Raises:
            RetryableModelError: 429, 5xx, no answer in time, or none at all.
            TerminalModelError: It would fail the same way again.
        """

    async def embed(self, texts: Sequence[str], *, model: str, timeout: float = 60) -> Embeddings:
        """One attempt to embed texts; only where `embeds` says that it is possible.

        Args:
            texts: What to embed, none of them empty.
            model: The name of a model for that on the same server.
            timeout: Seconds.

        Raises:
            RetryableModelError: 429, 5xx, no answer in time, or none at all.
            TerminalModelError: It would fail the same way again.
        """
        raise TerminalModelError(f"{self.name} cannot embed texts")

    @abstractmethod
    async def check(self) -> None:
        """Find out that the model answers, before anything is spawned.

        Raises:
            EnvironmentFault: With one line that says what is missing or wrong.
        """
