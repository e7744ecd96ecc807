"""Model calls with a limit on how many are under way, retries, and an account for each agent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

import tenacity
from autogen_core.models import LLMMessage
from opentelemetry.trace import Span

from creator.errors import AnswerRefused, ContextTooLong, EnvironmentFault, ModelError, RetryableModelError
from creator.models.accounts import Account, CallRecord, OnCall, tokens_of
from creator.models.backend import Backend, Completion, Embeddings, Usage
from creator.models.keys import call_key, embedding_key
from creator.models.memory import Memory, Source
from creator.models.outage import Outage
from creator.models.pace import Clock, Pace
from creator.models.patience import Patience
from creator.models.prompts import after_refusal, shortened
from creator.models.vectors import kept_vectors, vector_in
from creator.spending.bounds import most_prompt_tokens, most_text_tokens
from creator.spending.budget import Budget, Reservation
from creator.spending.prices import Price
from creator.telemetry.spans import Operation, answered, model_call

Answer = TypeVar("Answer", Completion, Embeddings)

EMBEDDING_TRIES: Final = 3
"""Fewer than for a completion: whoever compares texts by embeddings can compare their words instead."""
EMBEDDING_SECONDS: Final = 30.0
"""Less time than for a completion with a server that is overloaded or not there, for the same reason."""
MAX_CUTS: Final = 4
"""How often a prompt is shortened that is more than the model can read."""
EMBEDDING_BATCH: Final = 64
"""Texts of one call."""
CALL_SECONDS: Final = 60.0


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
        budget: Holds what each try may cost.
        price: The model's; None when it is unknown.
        durable: Returns once what ``on_call`` was told is safe from a power loss.
        clock: Whose time counts for waits.
        say: Told in one line when the server is overloaded or cannot be reached.
        on_fault: Told when the model is lost for the whole run; None where that is nobody's business.
        embedding_price: That of the model that embeds texts; None when it is unknown.
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
        clock: Clock | None = None,
        say: Callable[[str], None] | None = None,
        on_fault: Callable[[EnvironmentFault], None] | None = None,
        embedding_price: Price | None = None,
    ) -> None:
        self.accounts: dict[str, Account] = {} if accounts is None else accounts
        self._backend = backend
        self._on_call = on_call
        self._timeout = timeout
        self._clock = clock or Clock()
        self._pace = Pace(backend.max_concurrency, self._clock, say)
        self._outage = Outage(backend.name, on_fault, say)
        self._memory = memory or Memory()
        self._budget = budget or Budget()
        self._price = price
        self._durable = durable
        self._embedding_price = embedding_price

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

        A prompt that is too long for the model is shortened, and one that is refused is put once more.

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
            TerminalModelError: It cannot succeed, or is refused twice.
        """

        def attempt(prompt: Sequence[LLMMessage]) -> Awaitable[Completion]:
            return self._backend.complete(
                prompt,
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

        started, asked = time.monotonic(), False

        async def ask() -> Completion:
            nonlocal asked
            asked = True
            return await self._answered(agent, key, messages, attempt, most)

        def most(prompt: Sequence[LLMMessage]) -> Usage:
            return Usage(most_prompt_tokens(prompt, json_schema, extra), max_tokens)

        known = partial(self._known, agent, self._backend.name, key, _characters(messages), started)
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
            patience = Patience(self._clock, EMBEDDING_TRIES, EMBEDDING_SECONDS, EMBEDDING_SECONDS)
            tell = partial(self._tell_each, batch)
            most = Usage(most_text_tokens(batch), 0)
            answer = await self._tried(agent, model, "", sum(map(len, batch)), most, attempt, patience, tell)
            await self._durable()
            vectors.update(zip(batch, answer.vectors, strict=True))
        return [vectors[text] for text in texts]

    async def _answered(
        self,
        agent: str,
        key: str,
        messages: Sequence[LLMMessage],
        attempt: Callable[[Sequence[LLMMessage]], Awaitable[Completion]],
        most: Callable[[Sequence[LLMMessage]], Usage],
    ) -> Completion:
        """The answer to a prompt, which is shortened where it has to be, and put once more where it is refused."""
        cuts, refused = 0, False
        while True:
            ask, patience = partial(attempt, messages), Patience(self._clock)
            try:
                completion = await self._tried(
                    agent, self._backend.name, key, _characters(messages), most(messages), ask, patience, self._tell
                )
                if completion.refusal:
                    raise AnswerRefused(completion.refusal)
                return completion
            except ContextTooLong:
                shorter = shortened(messages) if cuts < MAX_CUTS else None
                if shorter is None:
                    raise
                messages, cuts = shorter, cuts + 1
            except AnswerRefused as error:
                if refused:
                    raise
                messages, refused = after_refusal(messages, str(error)), True

    async def _tried(
        self,
        agent: str,
        model: str,
        key: str,
        characters: int,
        most: Usage,
        attempt: Callable[[], Awaitable[Answer]],
        patience: Patience,
        tell: Callable[[CallRecord, Answer | None], None],
    ) -> Answer:
        """One call with its retries, put on the agent's account and on record."""
        operation: Operation = "chat" if model == self._backend.name else "embeddings"
        with model_call(operation, self._backend.provider, model, agent) as span:
            return await self._tried_in(span, agent, model, key, characters, most, attempt, patience, tell)

    async def _tried_in(
        self,
        span: Span,
        agent: str,
        model: str,
        key: str,
        characters: int,
        most: Usage,
        attempt: Callable[[], Awaitable[Answer]],
        patience: Patience,
        tell: Callable[[CallRecord, Answer | None], None],
    ) -> Answer:
        account = self.accounts.setdefault(agent, Account())
        account.calls += 1
        started, tried = time.monotonic(), 0
        answer, failure = None, None
        try:
            async for trial in tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception_type(RetryableModelError),
                stop=lambda _: patience.over,
                wait=lambda _: patience.wait,
                sleep=self._clock.sleep,
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
                        try:
                            answer = await self._try(attempt, reservation)
                        except RetryableModelError as error:
                            patience.failed(error)
                            self._outage.failed(error)
                            raise
                    self._outage.answered()
        except ModelError as error:
            failure = error
            self._outage.gave_up(error)
            raise
        finally:
            account.retries += max(0, tried - 1)
            usage = answer.usage if answer is not None else None
            answered(span, usage, max(0, tried - 1), _finish_reason(answer))
            if usage is not None:
                account.prompt_tokens += usage.prompt_tokens
                account.completion_tokens += usage.completion_tokens
            if usage is not None or failure is not None:
                refusal = answer.refusal if isinstance(answer, Completion) else ""
                prompt_tokens, completion_tokens = tokens_of(usage)
                tell(
                    CallRecord(
                        agent=agent,
                        model=model,
                        prompt_tokens=prompt_tokens,
                        completion_tokens=completion_tokens,
                        prompt_characters=characters,
                        latency=time.monotonic() - started,
                        retries=max(0, tried - 1),
                        error=str(failure) if failure is not None else refusal or None,
                        key=key,
                        cost=self._cost(model, prompt_tokens, completion_tokens),
                    ),
                    None if refusal else answer,
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
        prompt_tokens, completion_tokens = tokens_of(completion.usage if completion is not None else None)
        account = self.accounts.setdefault(agent, Account())
        if source == "run" and self._memory.counted:
            account.recalled_prompt_tokens += prompt_tokens
            account.recalled_completion_tokens += completion_tokens
        else:
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
        """What a call cost; None where the price is unknown."""
        price = self._price if model == self._backend.name else self._embedding_price
        return None if price is None else price.cost(prompt_tokens, completion_tokens)


def _finish_reason(answer: Completion | Embeddings | None) -> str | None:
    """Why an answer ended, as providers say it; None for what is no text."""
    if not isinstance(answer, Completion):
        return None
    return "content_filter" if answer.refusal else "length" if answer.truncated else "stop"


def _characters(messages: Sequence[LLMMessage]) -> int:
    return sum(len(str(message.content)) for message in messages)
