"""Structured answers: how a model is brought to fill a JSON Schema, with a strategy for each kind of model."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jsonschema
from autogen_core.models import LLMMessage, UserMessage

from creator.errors import InvalidAnswer
from creator.models.backend import Completion
from creator.models.calls import ModelCalls
from creator.text import encodable

TRIES: Final = 3
MAX_ANSWER_CHARACTERS: Final = 100_000
MAX_STARTS: Final = 20
TOKENS_AFTER_TRUNCATION: Final = 4_000


@dataclass(frozen=True)
class FillRequest:
    """What has to be filled.

    Attributes:
        messages: The prompt; the whole context.
        json_schema: JSON Schema of the object; ours, never a cell's.
        hints: By property: how a small model fills it (``x-fill``).
        facts: What is known already, as flat texts.
        temperature: Sampling temperature.
        max_tokens: Limit of the answer.
        seed: For what is drawn by chance; the same request with another seed is another question.
    """

    messages: Sequence[LLMMessage]
    json_schema: Mapping[str, Any]
    hints: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, str]
    temperature: float
    max_tokens: int
    seed: int


class Filler(ABC):
    """Brings a model to give an object of a schema.

    Args:
        calls: The model.
    """

    def __init__(self, calls: ModelCalls) -> None:
        self._calls = calls

    @abstractmethod
    async def fill(self, agent: str, request: FillRequest) -> str:
        """JSON text that fulfils the request's schema.

        Args:
            agent: On whose account.
            request: What has to be filled.

        Raises:
            InvalidAnswer: The model did not manage after all tries.
            ModelError: The model gave no answer.
        """

    async def text(
        self, agent: str, messages: Sequence[LLMMessage], *, temperature: float, max_tokens: int, seed: int
    ) -> Completion:
        """Free text.

        Args:
            agent: On whose account.
            messages: The prompt; the whole context.
            temperature: Sampling temperature.
            max_tokens: Limit of the answer.
            seed: For what is drawn by chance; the same prompt with another seed is another question.

        Raises:
            ModelError: The model gave no answer.
        """
        return await self._calls.complete(
            agent, messages, temperature=temperature, max_tokens=max_tokens, sample=str(seed)
        )


class ObjectFiller(Filler):
    """For capable models: asks for the whole object, and again with what was wrong with it. Each call is stateless."""

    async def fill(self, agent: str, request: FillRequest) -> str:
        """Ask, read, check; at most three times."""
        problem, max_tokens = "", request.max_tokens
        for number in range(1, TRIES + 1):
            completion = await self._calls.complete(
                agent,
                [*request.messages, *_reminder(request.json_schema, problem)],
                temperature=request.temperature,
                max_tokens=max_tokens,
                json_schema=request.json_schema,
                sample=f"{request.seed}.{number}",  # a second try in the same words wants another answer
            )
            try:
                value = parse_object(completion.text, request.json_schema)
                return encodable(json.dumps(value, ensure_ascii=False))  # JSON can escape half a surrogate pair
            except InvalidAnswer as error:
                problem = str(error)
            if completion.truncated:
                max_tokens = min(2 * max_tokens, TOKENS_AFTER_TRUNCATION)
                problem = "it was cut off; be shorter"
        raise InvalidAnswer(f"the model gave no valid answer in {TRIES} tries: {problem}")


def _reminder(schema: Mapping[str, Any], problem: str) -> list[LLMMessage]:
    """The form of the answer in one short message, for servers that cannot be held to a schema."""
    keys = ", ".join(json.dumps(key) for key in schema.get("properties", {}))
    text = f"Answer with one JSON object and nothing else, with the keys {keys}."
    if problem:
        text += f" Your last answer was not usable: {problem[:200]}."
    return [UserMessage(content=text, source="user")]


def parse_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The first object in a text that fulfils the schema; fences and prose around it are passed over.

    Raises:
        InvalidAnswer: There is none; the text says in a few words what is wrong.
    """
    text = text[:MAX_ANSWER_CHARACTERS]
    decoder = json.JSONDecoder()
    problem = "it holds no JSON object" if text.strip() else "it was empty"
    position = text.find("{")
    for _ in range(MAX_STARTS):
        if position < 0:
            break
        try:
            value, end = decoder.raw_decode(text, position)
            found = _first_problem(value, schema)
        except (ValueError, RecursionError):
            problem = "its JSON is not valid or not complete"
            position = text.find("{", position + 1)
            continue
        if found is None:
            assert isinstance(value, dict)
            return value
        problem = found
        position = text.find("{", end)
    raise InvalidAnswer(problem)


def _first_problem(value: object, schema: Mapping[str, Any]) -> str | None:
    # Best effort, as the blueprint cleans what is too long or odd: only what is missing or of a wrong type counts.
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path)[:60]
    return f"{where}: {error.message[:150]}" if where else error.message[:150]
