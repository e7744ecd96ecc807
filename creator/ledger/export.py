"""A ledger as a file for other programs: JSON Lines with everything, or one table as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

from creator.errors import UsageError
from creator.ledger.reading import opened
from creator.outputs import writing_atomically
from creator.text import clean

ENDINGS: Final = (".jsonl", ".csv")
DEFAULT_CSV: Final = "ranked_ideas"
"""What a CSV file holds when no table is named."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a text that begins so for a formula, which may read other cells and call other programs."""


def check_ending(target: Path) -> None:
    """Refuse a file whose form nobody knows.

    Raises:
        UsageError: Its name ends in something else.
    """
    if target.suffix.lower() not in ENDINGS:
        raise UsageError(f"{clean(target.name, 100)!r} has to end in {' or '.join(ENDINGS)}.")


def export_ledger(ledger: Path, target: Path, table: str | None = None) -> int:
    """Write what a ledger holds at this moment, while its run goes on or later; the file appears whole or not at all.

    Args:
        ledger: The ledger's file.
        target: Where to; its ending tells the form. ``.jsonl`` has one line for each row, ``{"table": …}`` with its
            columns. ``.csv`` has one table with a heading; a text that a spreadsheet would run as a formula has an
            apostrophe in front.
        table: A table or a view; by default all tables, or the view of ranked ideas for CSV.

    Returns:
        The number of rows.

    Raises:
        UsageError: The ending or the table is unknown.
        EnvironmentFault: The ledger cannot be read, or the file cannot be written.
    """
    check_ending(target)
    as_csv = target.suffix.lower() == ".csv"
    with opened(ledger) as connection:
        schema = connection.execute(
            "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*'"
            " ORDER BY type, name"
        )
        kinds = {row["name"]: row["type"] for row in schema}
        table = table or (DEFAULT_CSV if as_csv else None)
        if table is not None and table not in kinds:
            known = clean(", ".join(kinds), 1_000)
            raise UsageError(f"The ledger has no table {clean(table, 60)!r}; choose one of {known}.")
        names = [name for name, kind in kinds.items() if kind == "table"] if table is None else [table]
        write = _write_csv if as_csv else _write_lines
        with writing_atomically(target, "--to") as file:
            return sum(write(file, name, _rows(connection, name)) for name in names)


def _rows(connection: sqlite3.Connection, name: str) -> sqlite3.Cursor:
    quoted = name.replace('"', '""')
    return connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608


def _write_lines(file: TextIO, name: str, rows: sqlite3.Cursor) -> int:
    columns = _columns(rows)
    count = 0
    for row in rows:
        values = {column: _plain(value) for column, value in zip(columns, row, strict=True)}
        # In ASCII: some programs break lines at more characters than one.
        file.write(json.dumps({"table": name, **values}) + "\n")
        count += 1
    return count


def _write_csv(file: TextIO, name: str, rows: sqlite3.Cursor) -> int:
    table = csv.writer(file)
    table.writerow(harmless(_columns(rows)))
    count = 0
    for row in rows:
        table.writerow(harmless(_plain(value) for value in row))
        count += 1
    return count


def _columns(rows: sqlite3.Cursor) -> list[str]:
    return [column[0] for column in rows.description]


def _plain(value: object) -> object:
    """A value as both forms know it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.hex() if isinstance(value, bytes) else value


def harmless(cells: Iterable[object]) -> list[object]:
    """The cells of a row of CSV; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]
