"""Making a ledger, or bringing one of an earlier release to today's schema."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final

from creator.errors import EnvironmentFault
from creator.ledger.identity import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, damaged, fault, version_of

BUSY_SECONDS: Final = 10.0
"""How long another program is waited for that is writing."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Make all changes to a ledger's schema that it has not been through, in one transaction.

    Args:
        connection: The ledger, in autocommit mode; an empty database becomes a new ledger.
        path: Its file, for errors.

    Raises:
        EnvironmentFault: It isn't a ledger, or rows of it do not fit; it is as it was before then.
        sqlite3.Error: It cannot be read or written; it is as it was before then, too.
    """
    # Tables are replaced under those that refer to them; what refers to what is checked before the end instead.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(connection, path)
        for name in MIGRATIONS[version:]:
            for statement in _statements(name):
                connection.execute(statement)
        _note(connection, version)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise damaged(path)
        connection.execute("COMMIT")
    except sqlite3.IntegrityError:
        raise damaged(path) from None
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    connection.execute("PRAGMA foreign_keys = ON")


def migrate_file(path: Path) -> None:
    """Make a new ledger, or bring an older one to today's schema with a copy of it beside it as it was.

    Nobody else has the file open meanwhile: a run of an earlier release that goes on is not pulled from under its feet.

    Raises:
        EnvironmentFault: Another program holds the file, it isn't a ledger or is damaged; it is as it was before then.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            version = version_of(connection, path)
            if version == SCHEMA_VERSION:
                return  # another program was faster
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("database disk image is malformed")
            backup = _back_up(connection, path, MIGRATIONS[version]) if version else None
            try:
                migrate(connection, path)
            except (sqlite3.Error, EnvironmentFault):
                if backup is not None:
                    backup.unlink(missing_ok=True)  # the ledger itself is what it is a copy of
                raise
    except sqlite3.Error as error:
        raise fault(path, error) from None
    except OSError as error:
        raise EnvironmentFault(f"Cannot back up the ledger {str(path)!r}: {error.strerror or error}.") from None


def _statements(name: str) -> Iterator[str]:
    """The statements of a migration; each begins on a line of its own."""
    text = resources.files("creator.ledger").joinpath("migrations", f"{name}.sql").read_text(encoding="utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _note(connection: sqlite3.Connection, version: int) -> None:
    """Write down which schema the ledger has now, and since when."""
    now = time.time()
    names = [(name, None if place < version else now) for place, name in enumerate(MIGRATIONS)]
    connection.executemany("INSERT INTO migrations (name, at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", names)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _back_up(connection: sqlite3.Connection, path: Path, name: str) -> Path:
    """A copy of a ledger beside it, whole or not at all and never in place of another; gives its path."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        _flush(temporary)
        backup = temporary.replace(_free_name(path, name))
        _flush(path.parent)
        return backup
    finally:
        for leftover in (
            temporary,
            *(temporary.with_name(temporary.name + end) for end in ("-journal", "-wal", "-shm")),
        ):
            leftover.unlink(missing_ok=True)


def _free_name(path: Path, name: str) -> Path:
    """The first name for a copy that nobody has; nobody else makes one while the ledger is ours alone."""
    number = 1
    while True:
        ending = "" if number == 1 else f"-{number}"
        backup = path.with_name(f"{path.stem}.before-{name}{ending}{path.suffix}")
        if not os.path.lexists(backup):
            return backup
        number += 1


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
