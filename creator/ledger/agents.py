"""The latest state of each agent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Literal

from creator.ledger.bounds import LONG, as_json, bounded
from creator.ledger.file import LedgerFile

_LATEST: Final = (
    "ON CONFLICT (name) DO UPDATE SET at = excluded.at, sector = excluded.sector, role = excluded.role,"
    " state = excluded.state, sha256 = excluded.sha256, attempt = excluded.attempt, reason = excluded.reason,"
    " number = excluded.number, author = excluded.author, template = excluded.template, parents = excluded.parents,"
    " generation = excluded.generation, asked_by = excluded.asked_by, customer = excluded.customer,"
    " technology = excluded.technology"
)


def record_agent(
    ledger: LedgerFile,
    name: str,
    sector: str,
    role: str,
    state: Literal["written", "checked", "pending", "live", "failed"],
    *,
    sha256: str = "",
    attempt: int = 1,
    reason: str = "",
    number: int = 0,
    author: str = "fill",
    template: str = "",
    parents: Sequence[str] = (),
    generation: int = 0,
    asked_by: str = "",
    customer: str = "",
    technology: str = "",
) -> None:
    """Record an agent's latest state, in place of the one before.

    Args:
        ledger: Where.
        name: The agent.
        sector: Its sector.
        role: Its role.
        state: ``written``, ``checked``, ``pending``, ``live`` or ``failed``.
        sha256: Digest of its module in hexadecimal; empty before there is one.
        attempt: Which try at its birth this is, from 1.
        reason: Why it failed.
        number: Of its birth, which is on record.
        author: How its module came to be: ``fill``, ``code`` or ``adopted``.
        template: The name of its template.
        parents: The agents that it stems from.
        generation: 0 unless it was bred from the best of the one before.
        asked_by: Who wished for it: an agent's name, ``user``, or empty.
        customer: Whom it thinks of, as its brief says.
        technology: What it likes to use, as its brief says.

    Raises:
        ValueError: Its birth is not on record.
    """
    with ledger.writing() as rows:
        rows.insert(
            "agents",
            _LATEST,
            name=bounded(name),
            at=time.time(),
            sector=bounded(sector),
            role=bounded(role),
            state=bounded(state),
            sha256=bounded(sha256),
            attempt=attempt,
            reason=bounded(reason, LONG),
            number=number,
            author=bounded(author),
            template=bounded(template),
            parents=as_json(list(parents)),
            generation=generation,
            asked_by=bounded(asked_by),
            customer=bounded(customer),
            technology=bounded(technology),
        )


def forget_agent(ledger: LedgerFile, name: str) -> None:
    """Take an agent out that is to be born again under another name; no error when there is none.

    Args:
        ledger: Where.
        name: The agent.
    """
    with ledger.writing() as rows:
        rows.execute("DELETE FROM agents WHERE name = ?", bounded(name))
