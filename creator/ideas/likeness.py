"""Likeness: how much two ideas say the same, by their words or by a model's embeddings."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from creator.errors import ModelError, TerminalModelError, UsageError
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.settings import SpawnSettings
from creator.text import clean
from sandbox.protocol import LIKENESS, Idea

WORDS_ALIKE: Final = 0.78
"""The likeness by words from which two ideas are nearly the same.

In the labelled sample of the tests, ideas that say the same in slightly other words are at 0.86 and above, different
ideas of the same sector at 0.53 and below, and those that a small model began with the same words at 0.69 and below.
An idea that is told in entirely other words is below 0.5, like any two ideas: only embeddings find it.
"""
EMBEDDINGS_ALIKE: Final = 0.9
"""The cosine from which two ideas are nearly the same; on the high side, as models differ in their scale."""
MAX_TEXT: Final = 1_000
"""Characters of an idea that are compared, which bounds the time that one comparison takes."""

_SALES: Final = frozenset({"why_now", "revenue_model", "cost_to_try", "first_step", "risks"})
"""Parts of a business idea that say how it is sold and tried rather than what it is.

A small model takes them from a few fixed sentences, and the same idea at another price is still the same idea.
"""
_COMMON_WORDS: Final = (
    "a about after agent ai all an and any are as at be because been before but by can could each every for from had "
    "has have help if in into is it its may might more most no not of on one or other out over should so some than "
    "that the their them then there these they this those to up was were what when where which while who whom whose "
    "will with would"
)
"""Words that say nothing of what an idea is about; the sentences of small models share most of them."""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


class Likeness(Protocol):
    """Compares a text to others."""

    @property
    def name(self) -> str:
        """How it compares: ``words``, or ``embeddings:NAME``."""

    @property
    def threshold(self) -> float:
        """The likeness from which two ideas are nearly the same."""

    async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
        """How alike the text is to each of the others, from 0 (nothing in common) to 1 (the same)."""


def idea_text(idea: Idea) -> str:
    """What of an idea is compared: its title, and the parts that say what it is, in one line of lower case.

    Parts that say how a business idea is sold and tried count only where it has no others. Of an idea that is longer
    than `MAX_TEXT`, each part is cut to an equal share.
    """
    parts = idea.parts
    chosen = [idea.title, *(text for name, text in parts.items() if name not in _SALES)]
    if len(chosen) == 1:
        chosen += parts.values()
    texts = [clean(text, MAX_TEXT) for text in chosen]
    if sum(map(len, texts)) > MAX_TEXT:
        texts = [text[: MAX_TEXT // len(texts)] for text in texts]
    return " ".join(texts).strip().casefold() or "(nothing)"


class WordLikeness:
    """Compares the words of texts, whatever their order, letter by letter.

    This is rapidfuzz's ``token_sort_ratio`` without common words. ``token_set_ratio`` would give 1 as soon as all
    words of a short idea stand in a long one, and much to all ideas with the same beginnings of their sentences.
    """

    name = "words"
    threshold = WORDS_ALIKE

    async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
        """The share of letters, in alphabetical order of the words, that both texts have."""
        if not others:
            return []
        scores = process.cdist(
            [_sorted_words(text)], [_sorted_words(other) for other in others], scorer=fuzz.ratio, dtype=np.float64
        )
        return [float(score) / 100 for score in scores[0]]


@lru_cache(maxsize=4_096)
def _sorted_words(text: str) -> str:
    return " ".join(sorted(words_of(text)))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without common ones unless it has no others."""
    words = re.findall(r"[^\W_]+", text)
    return [word for word in words if word not in _COMMON] or words


class EmbeddingLikeness:
    """Compares what texts mean to a model; once that fails, something else compares from then on.

    Args:
        embed: Gives a vector for each text, and raises a `ModelError` when it cannot.
        fallback: Compares when the model has failed.
        model: The model's name.
        on_failure: Called once, with the reason in one line, when the model has failed.
    """

    def __init__(
        self,
        embed: Callable[[Sequence[str]], Awaitable[list[list[float]]]],
        fallback: Likeness,
        *,
        model: str = "model",
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self._embed = embed
        self._fallback = fallback
        self._model = model
        self._on_failure = on_failure
        self._failed = False
        self._vectors: dict[str, NDArray[np.float64]] = {}

    @property
    def name(self) -> str:
        """``embeddings:NAME``, or how it compares since the model has failed."""
        return self._fallback.name if self._failed else f"embeddings:{self._model}"

    @property
    def threshold(self) -> float:
        """The likeness from which two ideas are nearly the same."""
        return self._fallback.threshold if self._failed else EMBEDDINGS_ALIKE

    async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine of the angle between the vectors, 0 for all that point away from each other."""
        if not self._failed:
            try:
                return await self._cosines(text, others)
            except ModelError as error:
                self._give_up(clean(str(error), 300))
        return await self._fallback(text, others)

    async def _cosines(self, text: str, others: Sequence[str]) -> list[float]:
        new = [one for one in dict.fromkeys([text, *others]) if one not in self._vectors]
        if new:
            self._keep(new, await self._embed(new))
        if not others:
            return []
        cosines = np.stack([self._vectors[one] for one in others]) @ self._vectors[text]
        return [float(cosine) for cosine in np.clip(cosines, 0, 1)]

    def _keep(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        """Keep vectors, brought to length 1; one of zeros stays what it is."""
        known = next(iter(self._vectors.values()), None)
        size = len(vectors[0] if known is None else known)
        for text, vector in zip(texts, vectors, strict=True):
            if len(vector) != size:
                raise TerminalModelError("its vectors are not of the same length")
            values = np.asarray(vector, dtype=np.float64)
            values = values / (np.abs(values).max() or 1)  # first, as squares of large numbers are infinite
            self._vectors[text] = values / (np.linalg.norm(values) or 1)

    def _give_up(self, reason: str) -> None:
        if not self._failed and self._on_failure is not None:
            self._on_failure(reason)
        self._failed = True


def check_embeddings(settings: SpawnSettings, backend: Backend) -> None:
    """Find out before a run whether its model's server may embed texts, if that is wanted.

    Raises:
        UsageError: It cannot.
    """
    if settings.embeddings is not None and not backend.embeds:
        raise UsageError(
            f"--embeddings needs a server that embeds texts, which {clean(backend.name, 100)} has not: "
            "use --model openai:NAME or ollama:NAME, or leave it out"
        )


def likeness_for(settings: SpawnSettings, backend: Backend, calls: ModelCalls, say: Callable[[str], None]) -> Likeness:
    """How the ideas of a run are compared: by their words, or by the embeddings that the user asked for.

    Args:
        settings: Of the run.
        backend: Its model.
        calls: Through which that is called.
        say: Called with one line if embeddings fail and words take their place.

    Raises:
        UsageError: Embeddings are wanted of a model whose server has none.
    """
    check_embeddings(settings, backend)
    words, model = WordLikeness(), settings.embeddings
    if model is None:
        return words

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return await calls.embed(LIKENESS, texts, model=model)

    def tell(reason: str) -> None:
        say(f"near-duplicates are found by words, as the embeddings of {clean(model, 100)!r} failed: {reason}")

    return EmbeddingLikeness(embed, words, model=model, on_failure=tell)
