"""Who wrote to whom in a run, and how that ended: the ledger's messages, added up."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from sandbox.protocol import RESERVED_NAMES

MAX_PAIRS: Final = 5_000
"""Pairs of agents that are told apart, those with the most messages first."""
MAX_KINDS: Final = 50
AGENTS: Final = ""
"""Stands for all generated agents where the house's own messages are added up."""

_HOUSE: Final = tuple(sorted(RESERVED_NAMES))
_MARKS: Final = ", ".join("?" * len(_HOUSE))
_OURS: Final = f"({{0}} IN ({_MARKS}) OR {{0}} GLOB 'trial_*')"
_SOURCE, _TARGET = _OURS.format("source"), _OURS.format("target")
_BETWEEN: Final = f"FROM messages WHERE NOT {_SOURCE} AND NOT {_TARGET}"
_FAILED: Final = "sum(outcome != 'ok') AS failed"


@dataclass(frozen=True)
class Edge:
    """The messages from one to another.

    Attributes:
        source: Who wrote; `AGENTS` for any of the generated agents.
        target: To whom, of whom nothing is known but the name.
        count: How many messages.
        failed: How many of them ended in an error rather than an answer.
    """

    source: str
    target: str
    count: int
    failed: int


@dataclass(frozen=True)
class Traffic:
    """All requests of a run.

    Attributes:
        between: Between generated agents, by pair and direction, most messages first; at most `MAX_PAIRS`.
        pairs: How many such pairs there are in all.
        messages: How many messages they exchanged.
        failed: How many of these ended in an error.
        endings: These messages by how they ended: ``ok``, or the error's name.
        kinds: These messages by their type.
        house: What went to or from the trusted agents, all generated agents taken together.
    """

    between: list[Edge]
    pairs: int
    messages: int
    failed: int
    endings: dict[str, int]
    kinds: dict[str, int]
    house: list[Edge]


def load_traffic(directory: Path) -> Traffic:
    """Who wrote to whom.

    Args:
        directory: The run's folder; the run may still go on.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        pairs, messages, failed = connection.execute(
            "SELECT count(*), coalesce(sum(count), 0), coalesce(sum(failed), 0) FROM"  # noqa: S608
            f" (SELECT count(*) AS count, {_FAILED} {_BETWEEN} GROUP BY source, target)",
            (*_HOUSE, *_HOUSE),
        ).fetchone()
        between = connection.execute(
            f"SELECT source, target, count(*) AS count, {_FAILED} {_BETWEEN} GROUP BY source, target"
            f" ORDER BY count DESC, source, target LIMIT {MAX_PAIRS}",
            (*_HOUSE, *_HOUSE),
        )
        house = connection.execute(
            f"SELECT iif({_SOURCE}, source, '') AS 'from', iif({_TARGET}, target, '') AS 'to',"  # noqa: S608
            f" count(*) AS count, {_FAILED} FROM messages WHERE {_SOURCE} OR {_TARGET}"
            f" GROUP BY 1, 2 ORDER BY count DESC, 1, 2 LIMIT {MAX_PAIRS}",
            _HOUSE * 4,
        )
        return Traffic(
            between=[Edge(*row) for row in between],
            pairs=pairs,
            messages=messages,
            failed=failed,
            endings=_counted(connection, "outcome"),
            kinds=_counted(connection, "type"),
            house=[Edge(*row) for row in house],
        )


def _counted(connection: sqlite3.Connection, column: str) -> dict[str, int]:
    """How many messages between generated agents have each value of a column, the commonest first."""
    rows = connection.execute(
        f"SELECT {column}, count(*) {_BETWEEN} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_KINDS}",
        (*_HOUSE, *_HOUSE),
    )
    return {str(value): int(count) for value, count in rows}
