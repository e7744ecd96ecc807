"""What was left to chance or to who came first, as it was decided."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from creator.ledger.bounds import as_json, bounded
from creator.ledger.file import LedgerFile


class ChoiceRow(NamedTuple):
    """One row of the table of choices."""

    kind: str
    agent: str
    conversation: str
    nth: int
    """Of this kind, by this agent in this conversation, from 1."""
    chosen: dict[str, Any]


def record_choice(
    ledger: LedgerFile, kind: str, agent: str, conversation: str, nth: int, chosen: Mapping[str, Any]
) -> None:
    """Record a choice, so that it is made the same way when the run is gone on with; the latest counts.

    Args:
        ledger: Where.
        kind: What was chosen, such as ``colleague``.
        agent: For whom.
        conversation: In which conversation.
        nth: Which choice of this kind this is, for this agent in this conversation, from 1.
        chosen: What came of it.
    """
    with ledger.writing() as rows:
        rows.insert(
            "choices",
            "ON CONFLICT (kind, agent, conversation, nth) DO UPDATE SET at = excluded.at, chosen = excluded.chosen",
            at=time.time(),
            kind=bounded(kind),
            agent=bounded(agent),
            conversation=bounded(conversation),
            nth=nth,
            chosen=as_json(dict(chosen)),
        )


def choice(ledger: LedgerFile, kind: str, agent: str, conversation: str, nth: int) -> dict[str, Any] | None:
    """What came of a choice; None when it has not been made.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(
        "SELECT chosen FROM choices WHERE kind = ? AND agent = ? AND conversation = ? AND nth = ?",
        bounded(kind),
        bounded(agent),
        bounded(conversation),
        nth,
    )
    chosen: dict[str, Any] | None = json.loads(found[0][0]) if found else None
    return chosen


def choices(ledger: LedgerFile, kind: str) -> list[ChoiceRow]:
    """All choices of a kind, in the order in which they were made.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(
        "SELECT kind, agent, conversation, nth, chosen FROM choices WHERE kind = ? ORDER BY id", bounded(kind)
    )
    return [ChoiceRow(kind, agent, where, nth, json.loads(chosen)) for kind, agent, where, nth, chosen in found]
