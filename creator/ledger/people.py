"""What people decided and wished for, from any terminal; a run that goes on reads it."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

from creator.ledger.bounds import LONG, bounded
from creator.ledger.file import LedgerFile, Transaction

Decision = Literal["approved", "rejected", "edited", "regenerate"]


class DecisionRow(NamedTuple):
    """One row of the table of decisions."""

    id: int
    name: str
    sha256: str
    decision: Decision
    why: str


class EditRow(NamedTuple):
    """One row of the table of edits that nobody has refused."""

    id: int
    name: str
    sha256: str
    source: str


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


def record_edit(ledger: LedgerFile, name: str, sha256: str, source: str) -> None:
    """Record what a person wrote in place of a module that waits. It takes the place of earlier edits of that module.

    Args:
        ledger: Where.
        name: The agent.
        sha256: Digest of the module that waits, in hexadecimal.
        source: The new module; the policy must have let it pass, which bounds it.
    """
    with ledger.writing() as rows:
        _refuse_edits(rows, name, sha256, "it was edited once more")
        rows.insert("edits", at=time.time(), name=bounded(name), sha256=bounded(sha256), source=source)


def withdraw_edits(ledger: LedgerFile, name: str, sha256: str, why: str) -> None:
    """Refuse all edits of a module, because something else was decided about it.

    Args:
        ledger: Where.
        name: The agent.
        sha256: Digest of the module that waits, in hexadecimal.
        why: What was decided.
    """
    with ledger.writing() as rows:
        _refuse_edits(rows, name, sha256, why)


def refuse_edit(ledger: LedgerFile, id: int, why: str) -> None:
    """Record why an edit cannot take its module's place."""
    with ledger.writing() as rows:
        rows.execute("UPDATE edits SET refused = ? WHERE id = ? AND refused IS NULL", bounded(why, LONG), id)


def take_edit(ledger: LedgerFile, edit: EditRow, sha256: str) -> bool:
    """Record that an edit passed all checks and takes its module's place.

    Args:
        ledger: Where.
        edit: Which.
        sha256: Digest of the edited module, in hexadecimal.

    Returns:
        Whether it does: something else may have been decided meanwhile.
    """
    with ledger.writing() as rows:
        if rows.execute("SELECT refused FROM edits WHERE id = ?", edit.id).fetchone() != (None,):
            return False
        rows.insert("decisions", at=time.time(), name=edit.name, sha256=sha256, decision="edited", why="")
        return True


def edits_after(ledger: LedgerFile, id: int) -> list[EditRow]:
    """The edits with ids above this one that nobody has refused, oldest first.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    wanted = "SELECT id, name, sha256, source FROM edits WHERE id > ? AND refused IS NULL ORDER BY id"
    return [EditRow(*row) for row in ledger.read(wanted, id)]


def _refuse_edits(rows: Transaction, name: str, sha256: str, why: str) -> None:
    rows.execute(
        "UPDATE edits SET refused = ? WHERE name = ? AND sha256 = ? AND refused IS NULL",
        bounded(why, LONG),
        bounded(name),
        bounded(sha256),
    )


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
