"""What people decided and wished for, from any terminal; a run that goes on reads it."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

from creator.ledger.bounds import LONG, bounded
from creator.ledger.file import LedgerFile

Decision = Literal["approved", "rejected", "edited", "regenerate"]


class DecisionRow(NamedTuple):
    """One row of the table of decisions."""

    id: int
    name: str
    sha256: str
    decision: Decision
    why: str


class WishRow(NamedTuple):
    """One row of the table of wishes."""

    id: int
    sector: str
    role: str
    topic: str


def record_decision(ledger: LedgerFile, name: str, sha256: str, decision: Decision, why: str = "") -> None:
    """Record what a person decided about an agent's module, or wants to be done with it.

    Args:
        ledger: Where.
        name: The agent.
        sha256: Digest of the module that was looked at, in hexadecimal.
        decision: What.
        why: The reason, in the person's words.
    """
    ledger.insert(
        "decisions",
        at=time.time(),
        name=bounded(name),
        sha256=bounded(sha256),
        decision=decision,
        why=bounded(why, LONG),
    )


def decisions_after(ledger: LedgerFile, id: int) -> list[DecisionRow]:
    """The decisions with ids above this one, oldest first.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read("SELECT id, name, sha256, decision, why FROM decisions WHERE id > ? ORDER BY id", id)
    return [DecisionRow(*row) for row in found]


def record_wish(ledger: LedgerFile, sector: str, role: str, topic: str = "") -> None:
    """Record that a person wants one more agent.

    Args:
        ledger: Where.
        sector: What it shall work in.
        role: What it shall do.
        topic: A problem that it shall know well.
    """
    ledger.insert("wishes", at=time.time(), sector=bounded(sector), role=bounded(role), topic=bounded(topic))


def wishes_after(ledger: LedgerFile, id: int) -> list[WishRow]:
    """The wishes with ids above this one, oldest first.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read("SELECT id, sector, role, topic FROM wishes WHERE id > ? ORDER BY id", id)
    return [WishRow(*row) for row in found]
