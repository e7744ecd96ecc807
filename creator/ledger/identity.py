"""What makes a file a ledger of ours: its schema and the version of that, and what its errors mean for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

from creator.errors import EnvironmentFault

SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = 0x41_43_53_4C
"""Marks the file as a ledger of ours (``ACSL``)."""


def fault(path: Path, error: sqlite3.Error) -> EnvironmentFault:
    """The error of the database as one line that says what to do."""
    text = str(error)
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


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Lay the schema in an empty file; refuse one that isn't ours."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables:
        check_identity(connection, path)
        return
    schema = resources.files("creator.ledger").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA application_id = {APPLICATION_ID};")
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
    connection.execute("COMMIT")


def check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that isn't a ledger of this version.

    Raises:
        EnvironmentFault: With one line that says what it is instead.
    """
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    if found != APPLICATION_ID:
        raise EnvironmentFault(f"{str(path)!r} is a database, but not a ledger of this program.")
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    if row is None or row[0] != str(SCHEMA_VERSION):
        version = "none" if row is None else repr(row[0])
        raise EnvironmentFault(
            f"The ledger {str(path)!r} has schema version {version}, this program reads {SCHEMA_VERSION}:"
            " use the release that wrote it."
        )
