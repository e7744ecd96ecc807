"""What a run has spent so far, in three numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME

_SUMS: Final = (
    "SELECT coalesce(sum(prompt_tokens + completion_tokens), 0) AS tokens, total(cost) AS cost,"
    " (SELECT count(*) FROM births) AS births FROM calls WHERE source = 'model'"
)


@dataclass(frozen=True)
class Totals:
    """What a run has spent.

    Attributes:
        tokens: Of models, read and written.
        cost: US dollars, as far as prices are known.
        births: Agents that were to be born.
    """

    tokens: int
    cost: float
    births: int


def load_totals(directory: Path) -> Totals:
    """What the ledger tells of a run's spending, whether it goes on or not.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        row = connection.execute(_SUMS).fetchone()
        return Totals(tokens=int(row["tokens"]), cost=float(row["cost"]), births=int(row["births"]))
