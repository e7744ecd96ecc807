"""What a ledger tells of how a run went, beside what came of it: its messages and its spending."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from creator.ledger.accounts import Accounts, load_accounts
from creator.ledger.traffic import Traffic, load_traffic


@dataclass(frozen=True)
class History:
    """How a run went.

    Attributes:
        traffic: Who wrote to whom.
        accounts: Who spent what, and when.
    """

    traffic: Traffic
    accounts: Accounts


def load_history(directory: Path) -> History:
    """How a run went so far.

    Args:
        directory: The run's folder; the run may still go on.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    return History(load_traffic(directory), load_accounts(directory))
