"""The SQLite record of a run: every event, message, model call and idea, with authors."""

from creator.ledger.store import Ledger

__all__ = ["Ledger"]
