"""Every call to a model, what it cost, and the answers by what was asked."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

from creator.ledger.bounds import LONG, bounded
from creator.ledger.file import LedgerFile
from creator.text import encodable

_ANSWER = "key, model, answer, truncated, prompt_tokens, completion_tokens"


class AnswerRow(NamedTuple):
    """A model's answer."""

    key: str
    """What was asked; see `creator.models.keys`."""
    model: str
    answer: str
    """The text; of an embedding the vector as JSON."""
    truncated: bool
    """Whether it ended at the limit of tokens."""
    prompt_tokens: int
    completion_tokens: int


class SpentRow(NamedTuple):
    """What one agent spent on one model."""

    agent: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """US dollars, as far as prices are known."""
    unknown_cost_calls: int
    """Calls that used tokens whose price is unknown."""
    calls: int


def record_call(
    ledger: LedgerFile,
    agent: str,
    model: str,
    *,
    prompt_tokens: int,
    completion_tokens: int,
    prompt_characters: int,
    latency: float,
    retries: int = 0,
    error: str | None = None,
    key: str = "",
    source: Literal["model", "run", "cache", "shared"] = "model",
    cost: float | None = None,
    answer: AnswerRow | None = None,
) -> None:
    """Record a model call, and what was answered; either both are on record afterwards or none.

    Args:
        ledger: Where.
        agent: For whom it was made.
        model: Which model answered.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        prompt_characters: Characters sent.
        latency: Seconds, retries included.
        retries: How many tries failed before the last.
        error: Why the last failed; None when it answered.
        key: What was asked, as a digest; see `creator.models.keys`.
        source: Where the answer came from; only the model's own is paid for.
        cost: What it cost in US dollars; None when the price is unknown.
        answer: What was answered, to be known when the same is asked again; one on record already stays.

    Raises:
        ValueError: A value does not fit.
    """
    with ledger.writing() as rows:
        rows.insert(
            "calls",
            at=time.time(),
            agent=bounded(agent),
            model=bounded(model),
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            prompt_characters=prompt_characters,
            latency_s=latency,
            retries=retries,
            error=None if error is None else bounded(error, LONG),
            key=key,
            source=source,
            cost=cost,
        )
        if answer is not None:
            rows.insert(
                "answers",
                "ON CONFLICT (key) DO NOTHING",
                key=answer.key,
                at=time.time(),
                model=bounded(answer.model),
                answer=encodable(answer.answer),
                truncated=answer.truncated,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
            )


def answer(ledger: LedgerFile, key: str) -> AnswerRow | None:
    """What was answered; None when nobody knows yet.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(f"SELECT {_ANSWER} FROM answers WHERE key = ?", key)  # noqa: S608
    return _answer(*found[0]) if found else None


def answers(ledger: LedgerFile) -> list[AnswerRow]:
    """All that was answered.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    return [_answer(*row) for row in ledger.read(f"SELECT {_ANSWER} FROM answers ORDER BY at, key")]  # noqa: S608


def _answer(key: str, model: str, answer: str, truncated: int, prompt_tokens: int, completion_tokens: int) -> AnswerRow:
    return AnswerRow(key, model, answer, bool(truncated), prompt_tokens, completion_tokens)


def failures(ledger: LedgerFile) -> dict[str, str]:
    """By what was asked: why there is no answer, where the last call failed after all its tries.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    return dict(
        ledger.read(
            "SELECT key, error FROM calls WHERE error IS NOT NULL"
            " AND id IN (SELECT max(id) FROM calls WHERE key != '' GROUP BY key)"
            " AND key NOT IN (SELECT key FROM answers) ORDER BY id"
        )
    )


def spent(ledger: LedgerFile) -> list[SpentRow]:
    """What each agent spent on each model; answers that were known already cost nothing and are not counted.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(
        "SELECT agent, model, sum(prompt_tokens), sum(completion_tokens), total(cost),"
        " sum(cost IS NULL AND prompt_tokens + completion_tokens > 0), count(*)"
        " FROM calls WHERE source = 'model' GROUP BY agent, model ORDER BY agent, model"
    )
    return [SpentRow(*row) for row in found]
