"""Model calls with a limit on how many are under way, retries, and an account for each agent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import tenacity
from autogen_core.models import LLMMessage

from creator.errors import ModelError, RetryableModelError
from creator.models.backend import Backend, Completion, Embeddings, Usage
from creator.models.keys import call_key
from creator.models.memory import Memory, Source
from creator.models.pace import Pace
from creator.spending.bounds import most_prompt_tokens, most_text_tokens
from creator.spending.budget import Budget, Reservation
from creator.spending.prices import Price

Answer = TypeVar("Answer", Completion, Embeddings)

TRIES: Final = 8
EMBEDDING_TRIES: Final = 3
"""Fewer than for a completion: whoever compares texts by embeddings can compare their words instead."""
EMBEDDING_BATCH: Final = 64
"""Texts of one call."""
CALL_SECONDS: Final = 60.0
MAX_WAIT: Final = 20.0

_backoff = tenacity.wait_exponential_jitter(multiplier=0.2, max=MAX_WAIT, jitter=0.3)


@dataclass
class Account:
    """What one agent has spent."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_characters: int = 0


@dataclass(frozen=True)
class CallRecord:
    """One model call, retries included, for the ledger.

    Attributes:
        agent: For whom it was made.
        model: The model's name.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        prompt_characters: Characters of the messages.
        latency: Seconds, waiting and retries included.
        retries: How many tries failed before the last.
        error: Why the last one failed; None when it answered.
        key: What was asked, as a digest; see `creator.models.keys`.
        source: Where the answer came from; only the model's own is paid for.
        cost: What it cost in US dollars; None when the price is unknown.
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


class ModelCalls:
    """The one place through which every call to a model goes.

    Args:
        backend: The model.
        on_call: Called with the record of each call that ended.
        timeout: Seconds for one try.
        accounts: By agent, shared with the calls to other models; None for a book of its own.
        memory: Knows answers already.
        budget: Holds what each try may cost.
        price: The model's; None when it is unknown.
    """

    def __init__(
        self,
        backend: Backend,
        on_call: Callable[[CallRecord], None] | None = None,
        timeout: float = CALL_SECONDS,
        accounts: dict[str, Account] | None = None,
        *,
        memory: Memory | None = None,
        budget: Budget | None = None,
        price: Price | None = None,
    ) -> None:
        self.accounts: dict[str, Account] = {} if accounts is None else accounts
        self._backend = backend
        self._on_call = on_call
        self._timeout = timeout
        self._pace = Pace(backend.max_concurrency)
        self._memory = memory or Memory()
        self._budget = budget or Budget()
        self._price = price

    async def complete(
        self,
        agent: str,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        sample: str = "",
    ) -> Completion:
        """One completion for ``agent``, tried again on 429, 5xx and time-outs.

        Args:
            agent: On whose account.
            messages: The whole context.
            temperature: Sampling temperature, 0 to 2.
            max_tokens: Limit of the answer.
            json_schema: JSON Schema of the answer, as far as the model can be held to it.
            extra: More fields of the request, for servers that know them.
            sample: Tells apart calls that ask the same on purpose, because several answers are wanted.

        Raises:
            RetryableModelError: It still fails after all tries.
            TerminalModelError: It cannot succeed.
        """

        def attempt() -> Awaitable[Completion]:
            return self._backend.complete(
                messages,
                temperature=temperature,
                max_tokens=max_tokens,
                json_schema=json_schema,
                extra=extra,
                timeout=self._timeout,
            )

        key = call_key(
            self._backend.name,
            messages,
            temperature=temperature,
            max_tokens=max_tokens,
            json_schema=json_schema,
            extra=extra,
            sample=sample,
        )
        characters = sum(len(str(message.content)) for message in messages)
        most = Usage(most_prompt_tokens(messages, json_schema, extra), max_tokens)

        async def ask() -> Completion:
            return await self._tried(agent, self._backend.name, key, characters, most, attempt, TRIES)

        completion, _ = await self._memory.recall(key, ask)
        return completion

    async def embed(self, agent: str, texts: Sequence[str], *, model: str) -> list[list[float]]:
        """A vector for each text, asked for in batches that are tried again on 429, 5xx and time-outs.

        Args:
            agent: On whose account.
            texts: What to embed, none of them empty.
            model: The name of a model for that on the run's server.

        Raises:
            RetryableModelError: It still fails after all tries.
            TerminalModelError: It cannot succeed.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), EMBEDDING_BATCH):
            batch = texts[start : start + EMBEDDING_BATCH]
            attempt = partial(self._backend.embed, batch, model=model, timeout=self._timeout)
            most = Usage(most_text_tokens(batch), 0)
            answer = await self._tried(agent, model, "", sum(map(len, batch)), most, attempt, EMBEDDING_TRIES)
            vectors += answer.vectors
        return vectors

    async def _tried(
        self,
        agent: str,
        model: str,
        key: str,
        characters: int,
        most: Usage,
        attempt: Callable[[], Awaitable[Answer]],
        tries: int,
    ) -> Answer:
        """One call with its retries, put on the agent's account and on record."""
        account = self.accounts.setdefault(agent, Account())
        account.calls += 1
        started, tried = time.monotonic(), 0
        answer, failure = None, None
        try:
            async for trial in tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception_type(RetryableModelError),
                stop=tenacity.stop_after_attempt(tries),
                wait=_wait,
                reraise=True,
            ):
                with trial:
                    # A waiting retry holds nothing: others go on while the provider recovers. Nor does anybody hold
                    # a place who waits for the budget.
                    async with self._budget.reserve(
                        agent, model, prompt_tokens=most.prompt_tokens, completion_tokens=most.completion_tokens
                    ) as reservation:
                        tried += 1
                        account.prompt_characters += characters
                        answer = await self._try(attempt, reservation)
        except ModelError as error:
            failure = error
            raise
        finally:
            account.retries += max(0, tried - 1)
            usage = answer.usage if answer is not None else None
            if usage is not None:
                account.prompt_tokens += usage.prompt_tokens
                account.completion_tokens += usage.completion_tokens
            if self._on_call is not None and (usage is not None or failure is not None):
                self._on_call(
                    CallRecord(
                        agent=agent,
                        model=model,
                        prompt_tokens=usage.prompt_tokens if usage is not None else 0,
                        completion_tokens=usage.completion_tokens if usage is not None else 0,
                        prompt_characters=characters,
                        latency=time.monotonic() - started,
                        retries=max(0, tried - 1),
                        error=str(failure) if failure is not None else None,
                        key=key,
                    )
                )
        assert answer is not None
        return answer

    async def _try(self, attempt: Callable[[], Awaitable[Answer]], reservation: Reservation) -> Answer:
        """One try, and what it has cost as far as that is known."""
        async with self._pace.place():
            reservation.sent()
            try:
                answer = await attempt()
            except ModelError as error:
                if not error.may_have_cost:
                    reservation.release()
                raise
            reservation.settle(answer.usage)
            return answer


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the provider asks for, else exponential backoff with jitter."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, RetryableModelError) else None
    return min(asked, MAX_WAIT) if asked is not None else _backoff(state)
