"""What judges said of ideas side by side, and the order that came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from creator.ledger.bounds import LONG, bounded
from creator.ledger.file import LedgerFile
from creator.outcome import RatedIdea


class ComparisonRow(NamedTuple):
    """A judge's verdict on a pair of ideas."""

    judge: str
    model: str
    round: int
    first: int
    """The number of the idea that it was shown first."""
    second: int
    winner: int | None
    """The one that it prefers; None when it gave no verdict."""
    reason: str


def record_comparison(
    ledger: LedgerFile, judge: str, model: str, round: int, first: int, second: int, winner: int | None, reason: str
) -> None:
    """Record a judge's verdict on a pair.

    Args:
        ledger: Where.
        judge: Which judge.
        model: Its model.
        round: Which round, from 1.
        first: The number of the idea that it was shown first; both are on record.
        second: The other.
        winner: The one that it prefers; None when it gave no verdict.
        reason: Why.

    Raises:
        ValueError: An idea is not on record, or the winner is neither.
    """
    ledger.insert(
        "comparisons",
        at=time.time(),
        judge=bounded(judge),
        model=bounded(model),
        round=round,
        first=first,
        second=second,
        winner=winner,
        reason=bounded(reason, LONG),
    )


def comparisons(ledger: LedgerFile) -> list[ComparisonRow]:
    """All verdicts, in the order in which they were given.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read("SELECT judge, model, round, first, second, winner, reason FROM comparisons ORDER BY id")
    return [ComparisonRow(*row) for row in found]


def record_ratings(ledger: LedgerFile, places: Sequence[RatedIdea]) -> None:
    """Record the order of the ideas, in place of the one before.

    Args:
        ledger: Where.
        places: All ideas that have a rank; they are on record.

    Raises:
        ValueError: An idea is not on record.
    """
    with ledger.writing() as rows:
        rows.execute("DELETE FROM ratings")
        for place in places:
            rows.insert("ratings", **place.model_dump())
