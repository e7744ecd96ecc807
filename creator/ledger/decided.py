"""What people decided about a run's agents, read back from its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from creator.ledger.people import Decision
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME

_MOST: Final = 5_000
"""Rows of each kind that are read, the newest ones."""


@dataclass(frozen=True)
class Decided:
    """A decision.

    Attributes:
        at: When.
        name: About which agent.
        sha256: Digest of the module that it is about, in hexadecimal.
        decision: What.
        why: The reason, in the person's words.
    """

    at: datetime
    name: str
    sha256: str
    decision: Decision
    why: str


@dataclass(frozen=True)
class Edited:
    """What a person wrote in place of a module that waits.

    Attributes:
        source: The new module.
        refused: Why it cannot take the other's place; None unless it was refused.
    """

    source: str
    refused: str | None


@dataclass(frozen=True)
class People:
    """All that people decided.

    Attributes:
        decisions: In order.
        edits: The latest one of each module, by the agent's name and the digest of the module that it replaces.
    """

    decisions: list[Decided]
    edits: dict[tuple[str, str], Edited]

    def of(self, name: str, sha256: str) -> Decided | None:
        """The latest decision about a module of an agent."""
        return next((one for one in reversed(self.decisions) if (one.name, one.sha256) == (name, sha256)), None)


def load_people(directory: Path) -> People:
    """What people decided about the agents of a run.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        decisions = connection.execute("SELECT * FROM decisions ORDER BY id DESC LIMIT ?", (_MOST,)).fetchall()
        edits = connection.execute("SELECT * FROM edits ORDER BY id DESC LIMIT ?", (_MOST,)).fetchall()
        return People(
            [
                Decided(datetime.fromtimestamp(row["at"], UTC), row["name"], row["sha256"], row["decision"], row["why"])
                for row in decisions[::-1]
            ],
            {(row["name"], row["sha256"]): Edited(row["source"], row["refused"]) for row in edits[::-1]},
        )
