"""Who spent what in a run, and from which seed it was drawn: what the ledger tells beside the outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from sandbox.protocol import BASELINE, CREATOR, JUDGE, LIKENESS

PHASES: Final = {
    CREATOR: "writing agents",
    BASELINE: "one-shot ideas",
    JUDGE: "judging",
    LIKENESS: "finding duplicates",
}
"""By account: what it pays for. All others are agents', which work on ideas."""
IDEAS: Final = "working on ideas"

_SEED: Final = (
    "SELECT coalesce((SELECT value FROM meta WHERE key = 'seed'),"
    " (SELECT json_extract(detail, '$.seed') FROM events WHERE kind = 'started' ORDER BY id LIMIT 1))"
)
_SHARES: Final = (
    "SELECT agent, model, count(*) AS calls, sum(prompt_tokens) AS read, sum(completion_tokens) AS written,"
    " total(cost) AS cost, total(cost IS NULL AND prompt_tokens + completion_tokens > 0) AS unknown,"
    " min(at - latency_s) AS begun, max(at) AS ended FROM calls WHERE source = 'model' GROUP BY agent, model"
)
_CALLS: Final = (
    "SELECT total(source = 'model') AS asked, total(source = 'model' AND error IS NOT NULL) AS failed,"
    " total(source != 'model') AS known, total(iif(source = 'model', prompt_tokens, 0)) AS read,"
    " total(iif(source = 'model', completion_tokens, 0)) AS written, total(iif(source = 'model', cost, 0)) AS cost,"
    " total(source = 'model' AND cost IS NULL AND prompt_tokens + completion_tokens > 0) AS unknown,"
    " total(iif(source = 'model', latency_s, 0)) AS waited FROM calls WHERE agent = ?"
)


@dataclass(frozen=True)
class Share:
    """What was spent on one thing.

    Attributes:
        name: A phase, an account or a model.
        calls: How many calls of models.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: US dollars; None when the price of a call is unknown.
        begun: When the first call began, in seconds since 1970.
        ended: When the last call ended.
    """

    name: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    begun: float
    ended: float

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Accounts:
    """What the ledger tells of a run's spending.

    Attributes:
        phases: By what it was spent on, in the order in which they began.
        agents: By account, most tokens first.
        models: By model, most tokens first.
        seed: What briefs and draws were made from; None when it is not on record.
    """

    phases: list[Share]
    agents: list[Share]
    models: list[Share]
    seed: int | None


def load_accounts(directory: Path) -> Accounts:
    """Who spent what; answers that were not paid for are left out.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        found = _shares(connection)
        (seed,) = connection.execute(_SEED).fetchone()
        drawn_from = None if seed is None else int(seed)  # within: one that is no number is told as damage
    return Accounts(
        phases=sorted(_merged(found, lambda agent, model: PHASES.get(agent, IDEAS)), key=lambda one: one.begun),
        agents=sorted(_merged(found, lambda agent, model: agent), key=lambda one: -one.tokens),
        models=sorted(_merged(found, lambda agent, model: model), key=lambda one: -one.tokens),
        seed=drawn_from,
    )


def _shares(connection: sqlite3.Connection) -> list[tuple[str, str, Share]]:
    """By agent and model."""
    rows = connection.execute(_SHARES)
    return [
        (
            row["agent"],
            row["model"],
            Share(
                name="",
                calls=row["calls"],
                prompt_tokens=row["read"],
                completion_tokens=row["written"],
                cost=None if row["unknown"] else row["cost"],
                begun=row["begun"],
                ended=row["ended"],
            ),
        )
        for row in rows
    ]


def _merged(found: Iterable[tuple[str, str, Share]], name_of: Callable[[str, str], str]) -> list[Share]:
    """Added up by name."""
    groups: dict[str, list[Share]] = {}
    for agent, model, one in found:
        groups.setdefault(name_of(agent, model), []).append(one)
    return [
        Share(
            name=name,
            calls=sum(one.calls for one in group),
            prompt_tokens=sum(one.prompt_tokens for one in group),
            completion_tokens=sum(one.completion_tokens for one in group),
            cost=None if any(one.cost is None for one in group) else sum(one.cost or 0.0 for one in group),
            begun=min(one.begun for one in group),
            ended=max(one.ended for one in group),
        )
        for name, group in groups.items()
    ]


@dataclass(frozen=True)
class Calls:
    """The model calls made for one agent, in sum.

    Attributes:
        asked: How many reached a model.
        failed: How many of these got no answer.
        known: Answers that were known already and cost nothing.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: US dollars; None when the price of a call is unknown.
        waited: Seconds that the calls took, added up.
    """

    asked: int
    failed: int
    known: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    waited: float


def load_calls(directory: Path, name: str) -> Calls:
    """The model calls made for one agent, in sum.

    Args:
        directory: The run's folder.
        name: The agent's name.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        row = connection.execute(_CALLS, (name,)).fetchone()
        return Calls(
            asked=int(row["asked"]),
            failed=int(row["failed"]),
            known=int(row["known"]),
            prompt_tokens=int(row["read"]),
            completion_tokens=int(row["written"]),
            cost=None if row["unknown"] else row["cost"],
            waited=row["waited"],
        )
