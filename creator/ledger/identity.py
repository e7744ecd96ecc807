"""What makes a file a ledger of ours: its mark and the version of its schema, and what its errors mean for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from creator.errors import EnvironmentFault
from creator.text import clean

APPLICATION_ID: Final = 0x41_43_53_4C
"""Marks the file as a ledger of ours (``ACSL``)."""
MIGRATIONS: Final = (
    "0001_run_on_record",
    "0002_births_and_decisions",
    "0003_wishes_remarks_comparisons",
    "0004_births_answers_choices_ratings",
    "0005_edits",
)
"""The changes that the schema went through, in order; a ledger is of the version of the last that was made to it."""
SCHEMA_VERSION: Final = len(MIGRATIONS)


def fault(path: Path, error: sqlite3.Error) -> EnvironmentFault:
    """The error of the database as one line that says what to do."""
    text = clean(str(error), 300)
    hints: list[tuple[Callable[[str], bool], str]] = [
        (lambda t: "full" in t, "Free some disk space, or choose another folder with --output."),
        (
            lambda t: "readonly" in t or "unable to open" in t or "disk I/O" in t,
            "Check that its folder can be written and has room, or choose another with --output.",
        ),
        (
            lambda t: "not a database" in t or "malformed" in t,
            "The file is damaged or isn't a ledger; the other runs are not touched.",
        ),
        (lambda t: "locked" in t, "Another program holds it; close that and try again."),
    ]
    hint = next((hint for fits, hint in hints if fits(text)), "")
    return EnvironmentFault(f"The ledger {str(path)!r} failed: {text}. {hint}".rstrip())


def damaged(path: Path) -> EnvironmentFault:
    """The ledger can be opened, but is not what it should be."""
    return EnvironmentFault(f"The ledger {str(path)!r} holds rows that do not fit: it is damaged.")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a ledger's schema; 0 for a database that nothing is in.

    Raises:
        EnvironmentFault: It isn't a ledger that this release can read; the text is one line that says what it is.
        sqlite3.Error: It cannot be read.
    """
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark != APPLICATION_ID:
        if mark == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            return 0
        raise EnvironmentFault(f"{str(path)!r} is a database, but not a ledger of this program.")
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    text = "" if row is None else str(row[0])
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text) >= 1):
        raise damaged(path)
    if int(text) > SCHEMA_VERSION:
        raise EnvironmentFault(
            f"The ledger {str(path)!r} has schema version {int(text)}, this program reads up to {SCHEMA_VERSION}:"
            " use the release that wrote it."
        )
    return int(text)
