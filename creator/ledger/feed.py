"""What happened in a run since somebody looked last.

All tables of the ledger that only ever grow have ids that grow, and one transaction after the other is written. So the
last ids that somebody has seen, the cursor, say exactly what is new: nothing is lost between two looks, and nothing is
seen twice. What stands in the table of agents is replaced in place; the events tell how it came to be.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from creator.ledger.counters import Counters, Leading, read_counters, read_leading
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from sandbox.protocol import AGENT_NAME, RESERVED_NAMES

MOST_ROWS: Final = 4_000
"""Of a table, that one look takes in; the rest comes with the next."""
MOST_HAPPENINGS: Final = 30
"""That one look tells one by one; of more, the latest."""
_AGENTS: Final = "SELECT name, state, sector, role, reason FROM agents"
_NAMED: Final = f"{_AGENTS} WHERE name IN (SELECT value FROM json_each(?))"  # noqa: S608
_FORM: Final = re.compile(r"\d{1,15}(?:-\d{1,15}){6}", re.ASCII)
_LIFE: Final = frozenset({"written", "checked", "pending", "live", "failed", "birth failed"})
"""Kinds of events that change what an agent is."""
_ON_THE_WAY: Final = frozenset({"written", "checked"})
_SILENT: Final = frozenset({"written", "checked", "host"})
"""Kinds of events that are nothing to tell of."""


class Cursor(NamedTuple):
    """The last ids that somebody has seen; of ideas that of their last text, as their numbers may come in any order."""

    events: int = 0
    messages: int = 0
    calls: int = 0
    texts: int = 0
    comparisons: int = 0
    decisions: int = 0
    wishes: int = 0

    def __str__(self) -> str:
        return "-".join(map(str, self))

    def is_beyond(self, other: Cursor) -> bool:
        """Whether there is something after the other cursor."""
        return any(mine > its for mine, its in zip(self, other, strict=True))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor from its text; None for anything else."""
        return cls(*map(int, text.split("-"))) if _FORM.fullmatch(text) else None


class Happening(NamedTuple):
    """A row of the ledger that is worth a line.

    Attributes:
        at: When, in seconds since 1970.
        kind: A kind of event, or ``message``, ``idea``, ``verdict``, ``decision``, ``wish``.
        subject: Whom it is about, mostly an agent.
        detail: More, by the names of columns.
    """

    at: float
    kind: str
    subject: str
    detail: Mapping[str, Any]


class AgentRow(NamedTuple):
    """An agent as it is now; of one that is being born only the name and the last kind of event are known."""

    name: str
    state: str
    sector: str = ""
    role: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Changes:
    """What is new.

    Attributes:
        cursor: Up to where.
        agents: Those that something has become of; ``birth failed`` when a try came to nothing.
        traffic: By sender and receiver, both agents: how many messages, and how many of them failed.
        happenings: The latest, oldest first.
        left_out: How many more there were.
        more: Whether there is more after the cursor already.
    """

    cursor: Cursor
    agents: Sequence[AgentRow] = ()
    traffic: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    happenings: Sequence[Happening] = ()
    left_out: int = 0
    more: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a run stands at one moment.

    Attributes:
        cursor: Of that moment.
        counters: In numbers.
        leading: The ideas that are ahead.
    """

    cursor: Cursor
    counters: Counters
    leading: Sequence[Leading]


@dataclass(frozen=True)
class Snapshot:
    """A run as a whole, at one moment.

    Attributes:
        standing: Its numbers.
        agents: All of them, those that are being born at the end.
        traffic: By sender and receiver, both agents: how many messages, and how many of them failed.
        happenings: The latest, oldest first.
    """

    standing: Standing
    agents: Sequence[AgentRow]
    traffic: Mapping[tuple[str, str], tuple[int, int]]
    happenings: Sequence[Happening]


def head(directory: Path) -> Cursor:
    """The last ids that there are.

    Raises:
        EnvironmentFault: The ledger is missing or damaged.
    """
    with opened(directory / FILE_NAME) as connection:
        return _head(connection)


def changes_after(directory: Path, cursor: Cursor, most: int = MOST_ROWS) -> tuple[Changes, Standing]:
    """What is new since the cursor, and where the run stands now.

    Args:
        directory: The run's folder.
        cursor: What was seen already.
        most: Rows of a table that are taken in; the next look takes in more.

    Raises:
        EnvironmentFault: The ledger is missing or damaged.
    """
    with opened(directory / FILE_NAME) as connection:
        now = _head(connection)
        seen = Cursor(*(min(one, last + most) for one, last in zip(now, cursor, strict=True)))
        happenings = _happenings(connection, cursor, seen)
        changes = Changes(
            cursor=Cursor(*(max(one, last) for one, last in zip(seen, cursor, strict=True))),
            agents=_agents(connection, _lives(connection, cursor.events, seen.events)),
            traffic=_traffic(connection, cursor.messages, seen.messages),
            happenings=happenings[-MOST_HAPPENINGS:],
            left_out=max(0, len(happenings) - MOST_HAPPENINGS),
            more=now.is_beyond(seen),
        )
        return changes, Standing(now, read_counters(connection), read_leading(connection))


def snapshot(directory: Path, *, going_on: bool) -> Snapshot:
    """A run as a whole.

    Args:
        directory: The run's folder.
        going_on: Whether agents may be on their way to life.

    Raises:
        EnvironmentFault: The ledger is missing or damaged.
    """
    with opened(directory / FILE_NAME) as connection:
        now = _head(connection)
        rows = connection.execute(_AGENTS + " ORDER BY number, name")
        agents = {row["name"]: AgentRow(**dict(row)) for row in rows}
        if going_on:
            unborn = {name: kind for name, kind in _lives(connection, 0, now.events).items() if kind in _ON_THE_WAY}
            agents |= {one.name: one for one in _agents(connection, unborn)}
        recent = Cursor(*(max(0, last - 8 * MOST_HAPPENINGS) for last in now))
        return Snapshot(
            standing=Standing(now, read_counters(connection), read_leading(connection)),
            agents=list(agents.values()),
            traffic=_traffic(connection, 0, now.messages),
            happenings=_happenings(connection, recent, now)[-2 * MOST_HAPPENINGS :],
        )


def is_agent(name: str) -> bool:
    """Whether a name can be one of a generated agent."""
    return AGENT_NAME.fullmatch(name) is not None and name not in RESERVED_NAMES


def _head(connection: sqlite3.Connection) -> Cursor:
    columns = ", ".join(f"(SELECT coalesce(max(id), 0) FROM {table})" for table in Cursor._fields)  # noqa: S608
    return Cursor(*connection.execute("SELECT " + columns).fetchone())


def _lives(connection: sqlite3.Connection, after: int, until: int) -> dict[str, str]:
    marks = ", ".join("?" * len(_LIFE))
    rows = connection.execute(
        f"SELECT subject, kind FROM events WHERE id > ? AND id <= ? AND kind IN ({marks}) ORDER BY id",  # noqa: S608
        (after, until, *_LIFE),
    )
    return {row["subject"]: row["kind"] for row in rows if is_agent(row["subject"])}


def _agents(connection: sqlite3.Connection, lives: Mapping[str, str]) -> list[AgentRow]:
    """Agents by name and last kind of event: as the table of agents has them, where it does."""
    names = json.dumps(list(lives))
    rows = connection.execute(_NAMED, (names,))
    known = {row["name"]: AgentRow(**dict(row)) for row in rows}
    return [known.get(name) or AgentRow(name, kind) for name, kind in lives.items()]


def _traffic(connection: sqlite3.Connection, after: int, until: int) -> dict[tuple[str, str], tuple[int, int]]:
    rows = connection.execute(
        "SELECT source, target, count(*) AS sent, sum(outcome != 'ok') AS failed FROM messages"
        " WHERE id > ? AND id <= ? GROUP BY source, target ORDER BY min(id)",
        (after, until),
    )
    return {
        (row["source"], row["target"]): (row["sent"], row["failed"])
        for row in rows
        if is_agent(row["source"]) and is_agent(row["target"])
    }


def _happenings(connection: sqlite3.Connection, after: Cursor, until: Cursor) -> list[Happening]:
    """Rows that are worth a line, by time."""
    found = []
    for row in connection.execute(
        "SELECT at, kind, subject, detail FROM events WHERE id > ? AND id <= ? ORDER BY id",
        (after.events, until.events),
    ):
        if row["kind"] not in _SILENT:
            detail = json.loads(row["detail"])
            found.append(Happening(row["at"], row["kind"], row["subject"], detail if isinstance(detail, dict) else {}))
    for row in connection.execute(
        "SELECT at, source, target, type, outcome FROM messages WHERE id > ? AND id <= ? ORDER BY id",
        (after.messages, until.messages),
    ):
        if is_agent(row["source"]) and (is_agent(row["target"]) or row["outcome"] != "ok"):
            found.append(Happening(row["at"], "message", row["source"], dict(row)))
    for row in connection.execute(
        "SELECT ideas.at, ideas.number, ideas.author, ideas.source, json_extract(texts.idea, '$.title') AS title,"
        " (SELECT count(DISTINCT writer) FROM texts AS every WHERE every.number = ideas.number) AS writers"
        " FROM texts JOIN ideas USING (number) WHERE texts.id > ? AND texts.id <= ?"
        " AND texts.id = (SELECT max(id) FROM texts AS every WHERE every.number = ideas.number)"
        " ORDER BY texts.id",
        (after.texts, until.texts),
    ):
        found.append(Happening(row["at"], "idea", row["author"], dict(row)))
    for row in connection.execute(
        "SELECT at, judge, round, first, second, winner, reason FROM comparisons WHERE id > ? AND id <= ? ORDER BY id",
        (after.comparisons, until.comparisons),
    ):
        found.append(Happening(row["at"], "verdict", row["judge"], dict(row)))
    for row in connection.execute(
        "SELECT at, name, decision, why FROM decisions WHERE id > ? AND id <= ? ORDER BY id",
        (after.decisions, until.decisions),
    ):
        found.append(Happening(row["at"], "decision", row["name"], dict(row)))
    for row in connection.execute(
        "SELECT at, sector, role FROM wishes WHERE id > ? AND id <= ? ORDER BY id", (after.wishes, until.wishes)
    ):
        found.append(Happening(row["at"], "wish", "user", dict(row)))
    return sorted(found, key=lambda one: one.at)
