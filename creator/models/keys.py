"""What tells one model call from another: everything that its answer depends on, as one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autogen_core.models import LLMMessage

VERSION: Final = 1
"""Of what goes into a key; it changes when the same key would stand for another question."""


def call_key(
    model: str,
    messages: Sequence[LLMMessage],
    *,
    temperature: float,
    max_tokens: int,
    json_schema: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    sample: str = "",
) -> str:
    """The key of a completion, as 64 hexadecimal digits.

    Args:
        model: The model's name.
        messages: The whole context.
        temperature: Sampling temperature.
        max_tokens: Limit of the answer.
        json_schema: JSON Schema of the answer.
        extra: More fields of the request.
        sample: Tells apart calls that ask the same on purpose, because several answers are wanted.
    """
    return _digest(
        {
            "kind": "completion",
            "model": model,
            "messages": [message.model_dump(mode="json") for message in messages],
            "temperature": temperature,
            "max_tokens": max_tokens,
            "schema": json_schema,
            "extra": extra,
            "tools": [],
            "sample": sample,
        }
    )


def embedding_key(model: str, text: str) -> str:
    """The key of a text's vector, as 64 hexadecimal digits.

    Args:
        model: The name of the model that embeds.
        text: What is embedded.
    """
    return _digest({"kind": "embedding", "model": model, "text": text})


def _digest(question: Mapping[str, Any]) -> str:
    text = json.dumps({"version": VERSION, **question}, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
