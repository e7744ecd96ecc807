"""How many tokens a request can have at most, whatever the model.

Byte-level byte pair encoding, which all known models use, begins with one token for each byte of UTF-8 and only ever
joins tokens (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; Radford et al. 2019, section 2.2). Tokenizers of
the SentencePiece kind fall back to bytes and are bound by them too. What is left are the few tokens with which a server
frames messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autogen_core.models import LLMMessage

FRAME_OF_REQUEST: Final = 64
"""Tokens that a server may add to a request: the beginning of the answer, a word on its form."""
FRAME_OF_MESSAGE: Final = 16
"""Tokens that a server may add to each message: its role, its beginning and its end."""


def most_prompt_tokens(
    messages: Sequence[LLMMessage],
    json_schema: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> int:
    """No fewer tokens than a request has.

    Args:
        messages: The whole context.
        json_schema: JSON Schema of the answer.
        extra: More fields of the request.
    """
    fields = [json.dumps(one) for one in (json_schema, extra) if one]
    texts = [f"{message.content}{getattr(message, 'source', '')}" for message in messages]
    return FRAME_OF_REQUEST + FRAME_OF_MESSAGE * len(texts) + sum(map(_bytes, [*texts, *fields]))


def most_text_tokens(texts: Sequence[str]) -> int:
    """No fewer tokens than a request to embed texts has."""
    return FRAME_OF_REQUEST + FRAME_OF_MESSAGE * len(texts) + sum(map(_bytes, texts))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
