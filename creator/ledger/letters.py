"""The messages of one agent, as the host saw them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME

ANSWERED: Final = "ok"
"""How a message ended that was answered; anything else is the name of what went wrong."""


@dataclass(frozen=True)
class Letter:
    """A request from one agent to another.

    Attributes:
        at: When it ended.
        source: Who sent it.
        target: Whom it was for.
        type: The message's class name.
        size_bytes: Its serialised size.
        latency_s: Seconds until the answer; None when none came.
        outcome: `ANSWERED`, or the error's name.
        hop: How many agents the conversation had passed.
    """

    at: datetime
    source: str
    target: str
    type: str
    size_bytes: int
    latency_s: float | None
    outcome: str
    hop: int


@dataclass(frozen=True)
class Letters:
    """What is shown of an agent's messages.

    Attributes:
        latest: The last ones, in the order in which they ended.
        total: How many there are.
    """

    latest: list[Letter]
    total: int


def load_letters(directory: Path, name: str, most: int = 200) -> Letters:
    """The messages that an agent sent or got.

    Args:
        directory: The run's folder.
        name: The agent's name.
        most: How many are read.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        (total,) = connection.execute("SELECT count(*) FROM messages WHERE ? IN (source, target)", (name,)).fetchone()
        rows = connection.execute(
            "SELECT * FROM messages WHERE ? IN (source, target) ORDER BY id DESC LIMIT ?", (name, most)
        ).fetchall()
        return Letters(
            [
                Letter(
                    at=datetime.fromtimestamp(row["at"], UTC),
                    source=row["source"],
                    target=row["target"],
                    type=row["type"],
                    size_bytes=row["size_bytes"],
                    latency_s=row["latency_s"],
                    outcome=row["outcome"],
                    hop=row["hop"],
                )
                for row in reversed(rows)
            ],
            total,
        )
