"""A prompt put otherwise, where the model could not or would not answer it as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autogen_core.models import LLMMessage, UserMessage

from creator.text import clean

CUT: Final = "\n[…]\n"
MIN_CUT_CHARACTERS: Final = 200
"""A message that is shorter is not what makes a prompt too long."""
MAX_REASON: Final = 300


def shortened(messages: Sequence[LLMMessage]) -> list[LLMMessage] | None:
    """The prompt with the middle of its longest user message cut out, half of its text; None when there is none.

    Args:
        messages: The whole prompt.
    """
    texts = [
        (len(message.content), position)
        for position, message in enumerate(messages)
        if isinstance(message, UserMessage) and isinstance(message.content, str)
    ]
    length, position = max(texts, default=(0, 0))
    if length < MIN_CUT_CHARACTERS:
        return None
    message = messages[position]
    text = str(message.content)
    kept = length // 4
    cut = message.model_copy(update={"content": f"{text[:kept]}{CUT}{text[-kept:]}"})
    return [*messages[:position], cut, *messages[position + 1 :]]


def after_refusal(messages: Sequence[LLMMessage], reason: str) -> list[LLMMessage]:
    """The prompt with what was wrong with the last try.

    Args:
        messages: The whole prompt.
        reason: Why there was no answer.
    """
    said = clean(reason, MAX_REASON).rstrip(".")
    hint = f"There was no usable answer: {said}. Answer in another way, and leave out what you would rather not say."
    return [*messages, UserMessage(content=hint, source="user")]
