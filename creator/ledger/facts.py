"""Facts of the run as a whole, such as its seed, by name."""

from __future__ import annotations

from typing import Final

from creator.ledger.bounds import LONG, bounded
from creator.ledger.file import LedgerFile

_OUR_OWN: Final = "schema_version"


def record_fact(ledger: LedgerFile, key: str, value: str) -> None:
    """Record a fact of the run, in place of what was known under its name.

    Args:
        ledger: Where.
        key: Its name, such as ``seed``.
        value: What it is.

    Raises:
        ValueError: The name is the ledger's own.
    """
    if key == _OUR_OWN:
        raise ValueError(f"{key!r} is the ledger's own: choose another name.")
    with ledger.writing() as rows:
        conflict = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        rows.insert("meta", conflict, key=bounded(key), value=bounded(value, LONG))


def facts(ledger: LedgerFile) -> dict[str, str]:
    """The facts of the run by name.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    return dict(ledger.read("SELECT key, value FROM meta WHERE key != ? ORDER BY key", _OUR_OWN))
