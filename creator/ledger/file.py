"""The open file of a ledger: one connection that writes, whoever calls."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from creator.errors import EnvironmentFault
from creator.ledger.identity import SCHEMA_VERSION, fault, version_of
from creator.ledger.migrating import BUSY_SECONDS, migrate_file
from creator.ledger.reading import connect_to_read

_FULL_FLUSH: Final = getattr(fcntl, "F_FULLFSYNC", None)
"""What makes a disk of macOS empty its own memory, too."""


class Transaction:
    """Rows that are written together, or none of them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, table: str, conflict: str = "", /, **columns: object) -> None:
        """Add a row.

        Args:
            table: Where to.
            conflict: What to do when there is such a row, as SQL; by default it is refused.
            columns: Its values by column.

        Raises:
            ValueError: It does not fit the table.
        """
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        # Names of tables and columns are this package's own.
        statement = f"INSERT INTO {table} ({names}) VALUES ({places}) {conflict}"  # noqa: S608
        try:
            self._connection.execute(statement, tuple(columns.values()))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"The ledger's table {table!r} refused a row: {error}.") from None

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Run a statement that is no insertion."""
        return self._connection.execute(statement, values)


class LedgerFile:
    """An open ledger. Close it with `close`, or use it in ``async with``.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, has_log: bool) -> None:
        self.path = path
        self._connection = connection
        self._has_log = has_log
        self._lock = threading.Lock()
        self._flushing = asyncio.Lock()
        self._written = 0
        self._flushed = 0
        """How many of the transactions that were written a power loss cannot take."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a ledger to write it: made anew when there is none, brought to today's schema when it is an older one.

        An older one is copied first, to ``ledger.before-….sqlite`` beside it.

        Raises:
            EnvironmentFault: The file cannot be written, the disk is full, or it isn't a ledger of ours, or one of a
                later release; it is left alone then.
        """
        connection: sqlite3.Connection | None = None
        try:
            if _version(path) < SCHEMA_VERSION:
                migrate_file(path)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            has_log = connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
            # Without a write-ahead log there is nothing that `durable` could flush: each commit does it then.
            connection.execute(f"PRAGMA synchronous = {'NORMAL' if has_log else 'FULL'}")
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise fault(path, error) from None
        return cls(path, connection, has_log)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file. Safe to call more than once; the ledger cannot be written afterwards."""
        with self._lock:
            self._connection.close()

    async def durable(self) -> None:
        """Return once all that was written so far is on the disk itself, so that a power loss cannot take it.

        The disk is waited for off the event loop; who comes while that goes on shares the next time with the others.

        Raises:
            EnvironmentFault: The disk refuses.
        """
        wanted = self._written
        async with self._flushing:
            if self._flushed < wanted and self._has_log:
                now = self._written
                await asyncio.to_thread(self._flush)
                self._flushed = now

    def _flush(self) -> None:
        # What has left the log for the file by a checkpoint was flushed by that.
        log = self.path.with_name(self.path.name + "-wal")
        try:
            for path in (log, self.path.parent):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                    if _FULL_FLUSH is not None:
                        fcntl.fcntl(descriptor, _FULL_FLUSH)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            return  # closed meanwhile, which flushed it
        except OSError as error:
            raise EnvironmentFault(
                f"The ledger {str(self.path)!r} cannot be flushed to the disk: {error.strerror or error}."
            ) from None

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query.

        Raises:
            EnvironmentFault: The ledger cannot be read.
        """
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise fault(self.path, error) from None

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Rows to write together. They have been committed when the block is left, and none of them when it raises.

        Raises:
            EnvironmentFault: The ledger cannot be written.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield Transaction(self._connection)
                    self._connection.execute("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise fault(self.path, error) from None
            self._written += 1

    def insert(self, table: str, /, **columns: object) -> None:
        """Write one row.

        Args:
            table: Where to.
            columns: Its values by column.

        Raises:
            ValueError: It does not fit the table.
            EnvironmentFault: The ledger cannot be written.
        """
        with self.writing() as rows:
            rows.insert(table, **columns)


def _version(path: Path) -> int:
    """The version of what is there, without touching it; 0 when nothing is that can be read."""
    try:
        with closing(connect_to_read(path)) as connection:
            return version_of(connection, path)
    except sqlite3.OperationalError as error:
        # There is none, or it was killed while it was made, which is taken back by who opens it to write.
        if error.sqlite_errorcode in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY_ROLLBACK}:
            return 0
        raise
