"""Vectors of texts as they are kept: each as an answer of its own, as JSON, with its share of what the call cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from creator.models.backend import Completion, Embeddings, Usage
from creator.models.client_backend import MAX_DIMENSIONS

_VECTOR: TypeAdapter[list[float]] = TypeAdapter(
    Annotated[list[FiniteFloat], Field(min_length=1, max_length=MAX_DIMENSIONS)]
)


def vector_in(completion: Completion) -> list[float] | None:
    """The vector in an answer that was kept; None when it holds none."""
    try:
        return _VECTOR.validate_json(completion.text)
    except ValidationError:
        return None


def kept_vectors(texts: Sequence[str], embeddings: Embeddings) -> list[Completion]:
    """An answer for each text, which has tokens according to its length; together they have those of the call.

    Args:
        texts: What was embedded in one call, none of them empty.
        embeddings: What came of it.
    """
    kept, characters, counted, tokens = [], 0, 0, embeddings.usage.prompt_tokens
    everything = sum(map(len, texts))
    for text, vector in zip(texts, embeddings.vectors, strict=True):
        characters += len(text)
        until = tokens * characters // everything
        kept.append(Completion(json.dumps(vector), Usage(until - counted, 0)))
        counted = until
    return kept
