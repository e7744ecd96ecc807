"""Model calls with a limit on how many are under way, retries, and an account for each agent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

import tenacity
from autogen_core.models import LLMMessage

from creator.errors import ModelError, RetryableModelError
from creator.models.backend import Backend, Completion, Embeddings, Usage
from creator.models.keys import call_key, embedding_key
from creator.models.memory import Memory, Source
from creator.models.pace import Pace
from creator.models.vectors import kept_vectors, vector_in
from creator.spending.budget import Budget
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
    """What one agent has spent, and what it got for nothing because the answer was known."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_characters: int = 0
    reused_prompt_tokens: int = 0
    reused_completion_tokens: int = 0

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
"""Told of each call that ended, with its answer; None when it failed."""


async def _at_once() -> None:
    return None


class ModelCalls:
    """The one place through which every call to a model goes.

    Args:
        backend: The model.
        on_call: Called with the record of each call that ended, and its answer.
        timeout: Seconds for one try.
        accounts: By agent, shared with the calls to other models; None for a book of its own.
        memory: Knows answers already.
        budget: Looked at before each try.
        price: The model's; None when it is unknown.
        durable: Returns once what ``on_call`` was told is safe from a power loss.
    """

    def __init__(
        self,
        backend: Backend,
        on_call: OnCall | None = None,
        timeout: float = CALL_SECONDS,
        accounts: dict[str, Account] | None = None,
        *,
        memory: Memory | None = None,
        budget: Budget | None = None,
        price: Price | None = None,
        durable: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self.accounts: dict[str, Account] = {} if accounts is None else accounts
        self._backend = backend
        self._on_call = on_call
        self._timeout = timeout
        self._pace = Pace(backend.max_concurrency)
        self._memory = memory or Memory()
        self._budget = budget or Budget()
        self._price = price
        self._durable = durable

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
        """One completion for ``agent``: a known answer, or the model's, tried again on 429, 5xx and time-outs.

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

        started, asked = time.monotonic(), False

        async def ask() -> Completion:
            nonlocal asked
            asked = True
            return await self._tried(agent, self._backend.name, key, characters, attempt, TRIES, self._tell)

        known = partial(self._known, agent, self._backend.name, key, characters, started)
        try:
            completion, source = await self._memory.recall(key, ask, address=self._backend.address)
        except ModelError as failure:
            if not asked:
                known("shared", None, failure)
            raise
        if source != "model":
            known(source, completion)
        if source in ("model", "shared"):
            await self._durable()
        return completion

    async def embed(self, agent: str, texts: Sequence[str], *, model: str) -> list[list[float]]:
        """A vector for each text; those not known are asked for in batches, again on 429, 5xx and time-outs.

        Args:
            agent: On whose account.
            texts: What to embed, none of them empty.
            model: The name of a model for that on the run's server.

        Raises:
            RetryableModelError: It still fails after all tries.
            TerminalModelError: It cannot succeed.
        """
        vectors: dict[str, list[float]] = {}
        for text in dict.fromkeys(texts):
            key, started = embedding_key(model, text), time.monotonic()
            found = await self._memory.look(key, address=self._backend.address)
            if found is not None and (vector := vector_in(found[0])) is not None:
                vectors[text] = vector
                self._known(agent, model, key, len(text), started, found[1], found[0])
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        for start in range(0, len(new), EMBEDDING_BATCH):
            batch = new[start : start + EMBEDDING_BATCH]
            attempt = partial(self._backend.embed, batch, model=model, timeout=self._timeout)
            tell = partial(self._tell_each, batch)
            answer = await self._tried(agent, model, "", sum(map(len, batch)), attempt, EMBEDDING_TRIES, tell)
            await self._durable()
            vectors.update(zip(batch, answer.vectors, strict=True))
        return [vectors[text] for text in texts]

    async def _tried(
        self,
        agent: str,
        model: str,
        key: str,
        characters: int,
        attempt: Callable[[], Awaitable[Answer]],
        tries: int,
        tell: Callable[[CallRecord, Answer | None], None],
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
                    tried += 1
                    account.prompt_characters += characters
                    # A waiting retry holds no place: others go on while the provider recovers.
                    async with self._pace.place():
                        answer = await attempt()
        except ModelError as error:
            failure = error
            raise
        finally:
            account.retries += max(0, tried - 1)
            usage = answer.usage if answer is not None else None
            if usage is not None:
                account.prompt_tokens += usage.prompt_tokens
                account.completion_tokens += usage.completion_tokens
            if usage is not None or failure is not None:
                prompt_tokens, completion_tokens = _tokens(usage)
                tell(
                    CallRecord(
                        agent=agent,
                        model=model,
                        prompt_tokens=prompt_tokens,
                        completion_tokens=completion_tokens,
                        prompt_characters=characters,
                        latency=time.monotonic() - started,
                        retries=max(0, tried - 1),
                        error=str(failure) if failure is not None else None,
                        key=key,
                        cost=self._cost(model, prompt_tokens, completion_tokens),
                    ),
                    answer,
                )
        assert answer is not None
        return answer

    def _known(
        self,
        agent: str,
        model: str,
        key: str,
        characters: int,
        started: float,
        source: Source,
        completion: Completion | None,
        failure: ModelError | None = None,
    ) -> None:
        """Put a call on the agent's account and on record that this agent has not asked the model for."""
        prompt_tokens, completion_tokens = _tokens(completion.usage if completion is not None else None)
        account = self.accounts.setdefault(agent, Account())
        account.reused_prompt_tokens += prompt_tokens
        account.reused_completion_tokens += completion_tokens
        record = CallRecord(
            agent=agent,
            model=model,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            prompt_characters=characters,
            latency=time.monotonic() - started,
            retries=0,
            error=str(failure) if failure is not None else None,
            key=key,
            source=source,
            cost=0.0,
        )
        self._tell(record, completion)

    def _tell(self, record: CallRecord, completion: Completion | None) -> None:
        if self._on_call is not None:
            self._on_call(record, completion)

    def _tell_each(self, texts: Sequence[str], record: CallRecord, embeddings: Embeddings | None) -> None:
        """Tell of each text that was embedded in a call, so that its vector is found by its own key; and keep that."""
        if embeddings is None:
            self._tell(record, None)
            return
        for text, vector in zip(texts, kept_vectors(texts, embeddings), strict=True):
            key, tokens = embedding_key(record.model, text), vector.usage.prompt_tokens
            self._memory.keep(key, vector, address=self._backend.address)
            cost = self._cost(record.model, tokens, 0)
            self._tell(
                replace(record, key=key, prompt_tokens=tokens, prompt_characters=len(text), cost=cost),
                vector,
            )
            record = replace(record, retries=0)  # they are counted once

    def _cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What a call cost; the price is that of the model that writes, not of one that embeds."""
        if self._price is None or model != self._backend.name:
            return None
        return self._price.cost(prompt_tokens, completion_tokens)


def _tokens(usage: Usage | None) -> tuple[int, int]:
    return (usage.prompt_tokens, usage.completion_tokens) if usage is not None else (0, 0)


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the provider asks for, else exponential backoff with jitter."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, RetryableModelError) else None
    return min(asked, MAX_WAIT) if asked is not None else _backoff(state)
