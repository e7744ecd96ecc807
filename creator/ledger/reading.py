"""Opening a ledger to read it, which never changes the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from creator.errors import CreatorError, EnvironmentFault
from creator.ledger.identity import SCHEMA_VERSION, damaged, fault, version_of
from creator.ledger.migrating import migrate

_BUSY_SECONDS: Final = 5.0


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger as it is at this moment, by the names of columns; what is written meanwhile is not seen.

    One of an earlier release is copied into memory, and brought to today's schema there.

    Raises:
        EnvironmentFault: It is missing or damaged, or no ledger that this release can read.
    """
    if not path.is_file():
        raise EnvironmentFault(f"The ledger {str(path)!r} does not exist: nothing is known of this run.")
    try:
        with closing(_current(path)) as connection:
            connection.row_factory = sqlite3.Row
            # A row that is no UTF-8 is somebody's doing; it can be shown all the same.
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise fault(path, error) from None
    except CreatorError:
        raise
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        raise damaged(path) from None


def _current(path: Path) -> sqlite3.Connection:
    """A connection to the ledger with today's schema."""
    connection = connect_to_read(path)
    try:
        version = version_of(connection, path)
        if version == SCHEMA_VERSION:
            return connection
        if version == 0:
            raise EnvironmentFault(f"{str(path)!r} is a database, but not a ledger of this program.")
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            connection.backup(copy)
            migrate(copy, path)
        except BaseException:
            copy.close()
            raise
    except BaseException:
        connection.close()
        raise
    connection.close()
    return copy


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    address = path.absolute().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema")
    except sqlite3.DatabaseError as error:
        connection.close()
        # In a folder that cannot be written the log's index cannot be made; without a log none is needed.
        logs = (path.with_name(path.name + ending) for ending in ("-wal", "-journal"))
        if not isinstance(error, sqlite3.OperationalError) or any(log.exists() for log in logs):
            raise
        connection = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection
