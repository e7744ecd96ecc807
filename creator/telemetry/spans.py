"""The spans of the trusted side. None of them holds a prompt, an answer, an objective or a key.

They go to the tracer provider of the process, and join the spans of requests (`sandbox.runtime.tracing`) in one trace:
a run, in it births with their tries, comparisons, and calls to models. Names of attributes are those of OpenTelemetry's
semantic conventions for generative AI where these have one, and begin with ``creator.`` where they don't.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, get_current_span

from creator.models.backend import Usage
from creator.outcome import RunOutcome
from creator.text import clean
from sandbox.runtime.tracing import TRACER, current_span, effective_provider, mark_failed

Operation = Literal["chat", "embeddings"]
Value = str | int | float | bool

_MAX_TEXT: Final = 200
"""Characters of an attribute: names may be long, and may come from a model."""


@contextmanager
def span(name: str, attributes: Mapping[str, Value | None], kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    """A span around a block, which is the parent of those inside; one that records nothing without a provider.

    Args:
        name: One of few: what differs from span to span belongs into attributes.
        attributes: What is known of it by now; None, and an empty text, for what is not.
        kind: Its part in an exchange.
    """
    provider = effective_provider(None)
    if provider is None:
        yield INVALID_SPAN
        return
    with current_span(provider.get_tracer(TRACER), name, kind, _known(attributes)) as made:
        yield made


def _known(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {
        name: clean(value, _MAX_TEXT) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None and value != ""
    }


@contextmanager
def birth(number: int, generation: int, template: str) -> Iterator[Span]:
    """The span of a birth with all its tries; `came_to_life` says what came of it.

    Args:
        number: Tells the births of a run apart, from 1.
        generation: 0 unless the agent is bred.
        template: What it is made from.
    """
    known: dict[str, Value | None] = {
        "creator.birth.number": number,
        "creator.birth.generation": generation,
        "creator.birth.template": template,
    }
    with span("birth", known) as made:
        yield made


def came_to_life(made: Span, name: str | None) -> None:
    """Say who was born; None for nobody."""
    if name is None:
        mark_failed(made, "given_up")
    else:
        made.set_attribute("creator.agent.name", name)


@contextmanager
def birth_try(attempt: int) -> Iterator[None]:
    """The span of one try of a birth, from 1; `failed_try` says that it failed."""
    with span("birth try", {"creator.birth.attempt": attempt}):
        yield


def failed_try(stage: str) -> None:
    """The try that is under way has failed at a stage; why is for the ledger, as it may quote a model."""
    current = get_current_span()
    current.set_attribute("creator.birth.stage", stage)
    mark_failed(current, "birth_try_failed")


@contextmanager
def model_call(operation: Operation, provider: str, model: str, agent: str) -> Iterator[Span]:
    """The span of one call to a model with its retries; see `answered`.

    Args:
        operation: What it is asked for.
        provider: Whose model it is; empty where that is nobody's.
        model: As the record of the run names it, such as ``openai:gpt-4.1-mini``.
        agent: On whose account.
    """
    name = clean(model.partition(":")[2] or model, _MAX_TEXT)
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider or "unknown",
        "gen_ai.request.model": name,
        "gen_ai.agent.name": agent,
    }
    with span(f"{operation} {name}", attributes, SpanKind.CLIENT) as made:
        yield made


def answered(call: Span, usage: Usage | None, retries: int, finish_reason: str | None = None) -> None:
    """Say how a call to a model ended.

    Args:
        call: Its span.
        usage: What it took; None when there was no answer.
        retries: How many tries failed before the last.
        finish_reason: Why the answer ended; None when it has no end, or there was none.
    """
    call.set_attribute("creator.model.retries", retries)
    if usage is not None:
        call.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
        call.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
    if finish_reason is not None:
        call.set_attribute("gen_ai.response.finish_reasons", [finish_reason])


def ended(run: Span, outcome: RunOutcome) -> None:
    """Say what a run came to."""
    found: dict[str, Value | None] = {
        "creator.run.sandbox": outcome.sandbox,
        "creator.run.ideas": len(outcome.ideas),
        "creator.run.agents.live": len(outcome.live),
        "creator.run.agents.failed": len(outcome.failed),
        "creator.run.tokens.input": outcome.prompt_tokens,
        "creator.run.tokens.output": outcome.completion_tokens,
        "creator.run.cost": outcome.cost,
        "creator.run.exit_code": outcome.exit_code,
        "creator.run.interrupted": outcome.interrupted,
    }
    run.set_attributes(_known(found))
    if outcome.exit_code:
        mark_failed(run, "interrupted" if outcome.interrupted else f"exit_code_{outcome.exit_code}")
