"""Answers that are known already: of this run, of one that is played again, or of earlier ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, Self

from creator.errors import ModelError
from creator.models.backend import Completion
from creator.models.cache import AnswerCache

Source = Literal["model", "run", "cache", "shared"]
"""Where an answer came from: the model itself, the run's own record, the cache on disk, or an identical call that
was under way at the same time. Only the first is paid for."""


class _Question:
    """A question under way, for whoever asks the same meanwhile.

    Attributes:
        over: Set when whoever asked it asks no more.
        outcome: What came of it; None where whoever asked was interrupted.
    """

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.outcome: Completion | ModelError | None = None


class Memory:
    """Answers a question once. An async context manager that closes the cache.

    Args:
        known: Gives what the run's own record holds for a key; None where it holds nothing.
        cache: Answers of earlier runs; None where none are kept.
        counted: Whether what the run's record holds is on the accounts already; not where another run is played again.
    """

    def __init__(
        self,
        known: Callable[[str], Completion | None] = lambda key: None,
        cache: AnswerCache | None = None,
        *,
        counted: bool = True,
    ) -> None:
        self.counted = counted
        self._known = known
        self._cache = cache
        self._under_way: dict[tuple[str, str], _Question] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cache is not None:
            await self._cache.close()

    async def recall(
        self, key: str, ask: Callable[[], Awaitable[Completion]], *, address: str = ""
    ) -> tuple[Completion, Source]:
        """The answer to a question, and where it came from.

        Whoever asks what somebody else is asking at this moment waits for that answer. When the other is cancelled,
        the next one asks instead.

        Args:
            key: The question's; see `creator.models.keys`.
            ask: Asks the model, where nobody knows the answer yet.
            address: Where the model is served; the same question to another server is another question.

        Raises:
            ModelError: The model gave no answer, to this call or to the identical one that it waited for.
        """
        place = (address, key)
        while (other := self._under_way.get(place)) is not None:
            await other.over.wait()
            if isinstance(other.outcome, ModelError):
                raise other.outcome
            if other.outcome is not None:
                return other.outcome, "shared"
        question = self._under_way[place] = _Question()
        try:
            found = await self.look(key, address=address)
            if found is not None:
                question.outcome = found[0]
                return found
            question.outcome = completion = await ask()
            self.keep(key, completion, address=address)
            return completion, "model"
        except ModelError as failure:
            question.outcome = failure
            raise
        finally:
            del self._under_way[place]
            question.over.set()

    async def look(self, key: str, *, address: str = "") -> tuple[Completion, Source] | None:
        """An answer that is known, and where from; None when the model has to be asked.

        Args:
            key: The question's.
            address: Where the model is served.
        """
        known = self._known(key)
        if known is not None:
            return known, "run"
        cached = await self._cache.get(address, key) if self._cache is not None else None
        return (cached, "cache") if cached is not None else None

    def keep(self, key: str, completion: Completion, *, address: str = "") -> None:
        """Keep an answer for later runs, where the user wants that; returns at once.

        Args:
            key: The question's.
            completion: The model's answer.
            address: Where the model is served.
        """
        if self._cache is not None:
            self._cache.put(address, key, completion)
