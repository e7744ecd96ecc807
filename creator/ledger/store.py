"""Writing the ledger.

Each ``record_…`` call has committed when it returns, so that what is announced afterwards is on record even
when the process is killed. With a write-ahead log a commit is one short write, well under a millisecond, so
the calls are plain functions; they may come from any thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from creator.errors import EnvironmentFault
from creator.ledger.identity import fault, prepare
from creator.text import encodable, shorten

FILE_NAME: Final = "ledger.sqlite"

_SHORT: Final = 300
_LONG: Final = 4_000
_DETAIL_CHARACTERS: Final = 20_000
_BUSY_SECONDS: Final = 10.0


Decision = Literal["approved", "rejected", "edited", "regenerate"]


class DecisionRow(NamedTuple):
    """One row of the table of decisions."""

    id: int
    name: str
    sha256: str
    decision: Decision
    why: str


class WishRow(NamedTuple):
    """One row of the table of wishes."""

    id: int
    sector: str
    role: str
    topic: str


class Ledger:
    """The open ledger of one run. Close it with `close`, or use it in ``async with``."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open the ledger, made anew when there is none.

        Raises:
            EnvironmentFault: The file cannot be written, the disk is full, or it isn't a ledger of ours.
        """
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            prepare(connection, path)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise fault(path, error) from None
        except EnvironmentFault:
            if connection is not None:
                connection.close()
            raise
        return cls(path, connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file. Safe to call more than once; the ledger cannot be written afterwards."""
        with self._lock:
            self._connection.close()

    def record_event(self, kind: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
        """Record that something happened.

        Args:
            kind: What, such as ``born`` or ``refused``.
            subject: To whom: an agent's name, or the run.
            detail: More about it, as JSON values.
        """
        text = encodable(json.dumps(dict(detail or {}), ensure_ascii=False, default=str))
        if len(text) > _DETAIL_CHARACTERS:
            text = json.dumps({"shortened": text[: _DETAIL_CHARACTERS // 2]}, ensure_ascii=False)
        self._write(
            "INSERT INTO events (at, kind, subject, detail) VALUES (?, ?, ?, ?)",
            (time.time(), _bounded(kind), _bounded(subject), text),
        )

    def record_agent(
        self,
        name: str,
        sector: str,
        role: str,
        state: Literal["written", "checked", "pending", "live", "failed"],
        *,
        sha256: str = "",
        attempt: int = 1,
        reason: str = "",
        number: int = 0,
        author: str = "fill",
        template: str = "",
        parents: Sequence[str] = (),
        generation: int = 0,
        asked_by: str = "",
        customer: str = "",
        technology: str = "",
    ) -> None:
        """Record an agent's latest state, in place of the one before.

        Args:
            name: The agent.
            sector: Its sector.
            role: Its role.
            state: ``written``, ``checked``, ``pending``, ``live`` or ``failed``.
            sha256: Digest of its module in hexadecimal; empty before there is one.
            attempt: Which try at its birth this is, from 1.
            reason: Why it failed.
            number: Of its birth, from 1.
            author: How its module came to be: ``fill``, ``code`` or ``adopted``.
            template: The name of its template.
            parents: The agents that it stems from.
            generation: 0 unless it was bred from the best of the one before.
            asked_by: Who wished for it: an agent's name, ``user``, or empty.
            customer: Whom it thinks of, as its brief says.
            technology: What it likes to use, as its brief says.
        """
        self._write(
            "INSERT INTO agents"
            " (name, at, sector, role, state, sha256, attempt, reason, number, author, template, parents,"
            " generation, asked_by, customer, technology)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at, sector = excluded.sector,"
            " role = excluded.role, state = excluded.state, sha256 = excluded.sha256,"
            " attempt = excluded.attempt, reason = excluded.reason, number = excluded.number,"
            " author = excluded.author, template = excluded.template, parents = excluded.parents,"
            " generation = excluded.generation, asked_by = excluded.asked_by, customer = excluded.customer,"
            " technology = excluded.technology",
            (
                _bounded(name),
                time.time(),
                _bounded(sector),
                _bounded(role),
                _bounded(state),
                _bounded(sha256),
                attempt,
                _bounded(reason, _LONG),
                number,
                _bounded(author),
                _bounded(template),
                json.dumps([encodable(parent) for parent in parents]),
                generation,
                _bounded(asked_by),
                _bounded(customer),
                _bounded(technology),
            ),
        )

    def forget_agent(self, name: str) -> None:
        """Take an agent out that is to be born again under another name; no error when there is none."""
        self._write("DELETE FROM agents WHERE name = ?", (_bounded(name),))

    def record_attempt(self, number: int, attempt: int, stage: str, finding: str) -> None:
        """Record what went wrong, or was mended, on the way to a birth.

        Args:
            number: Of the birth, from 1.
            attempt: Which try, from 1.
            stage: Where: ``model``, ``source``, ``policy``, ``trial``, ``review`` or ``cell``.
            finding: What.
        """
        self._write(
            "INSERT INTO attempts (at, number, attempt, stage, finding) VALUES (?, ?, ?, ?, ?)",
            (time.time(), number, attempt, _bounded(stage), _bounded(finding, _LONG)),
        )

    def record_decision(self, name: str, sha256: str, decision: Decision, why: str = "") -> None:
        """Record what a person decided about an agent's module, or wants to be done with it.

        Args:
            name: The agent.
            sha256: Digest of the module that was looked at, in hexadecimal.
            decision: What.
            why: The reason, in the person's words.
        """
        self._write(
            "INSERT INTO decisions (at, name, sha256, decision, why) VALUES (?, ?, ?, ?, ?)",
            (time.time(), _bounded(name), _bounded(sha256), decision, _bounded(why, _LONG)),
        )

    def decisions_after(self, id: int) -> list[DecisionRow]:
        """The decisions with ids above this one, oldest first.

        Raises:
            EnvironmentFault: The ledger cannot be read.
        """
        rows = self._read("SELECT id, name, sha256, decision, why FROM decisions WHERE id > ?", id)
        return [DecisionRow(*row) for row in rows]

    def record_message(
        self,
        source: str,
        target: str,
        type: str,
        *,
        size_bytes: int,
        latency_s: float | None,
        outcome: str,
        conversation: str = "",
        hop: int = 0,
    ) -> None:
        """Record a request between two named agents.

        Args:
            source: Who sent it.
            target: Whom it was for.
            type: The message's class name.
            size_bytes: Its serialised size.
            latency_s: Seconds until the answer; None when none came.
            outcome: ``ok``, or the error's name.
            conversation: The conversation's id.
            hop: How many agents the conversation had passed.
        """
        self._write(
            "INSERT INTO messages"
            " (at, source, target, type, size_bytes, latency_s, outcome, conversation, hop)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                _bounded(source),
                _bounded(target),
                _bounded(type),
                size_bytes,
                latency_s,
                _bounded(outcome),
                _bounded(conversation),
                hop,
            ),
        )

    def record_call(
        self,
        agent: str,
        model: str,
        *,
        prompt_tokens: int,
        completion_tokens: int,
        prompt_characters: int,
        latency: float,
        retries: int = 0,
        error: str | None = None,
    ) -> None:
        """Record a model call.

        Args:
            agent: For whom it was made.
            model: Which model answered.
            prompt_tokens: Tokens read.
            completion_tokens: Tokens written.
            prompt_characters: Characters sent.
            latency: Seconds, retries included.
            retries: How many tries failed before the last.
            error: Why the last failed; None when it answered.
        """
        self._write(
            "INSERT INTO calls"
            " (at, agent, model, prompt_tokens, completion_tokens, prompt_characters, latency_s, retries,"
            " error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                _bounded(agent),
                _bounded(model),
                prompt_tokens,
                completion_tokens,
                prompt_characters,
                latency,
                retries,
                None if error is None else _bounded(error, _LONG),
            ),
        )

    def record_wish(self, sector: str, role: str, topic: str = "") -> None:
        """Record that a person wants one more agent.

        Args:
            sector: What it shall work in.
            role: What it shall do.
            topic: A problem that it shall know well.
        """
        self._write(
            "INSERT INTO wishes (at, sector, role, topic) VALUES (?, ?, ?, ?)",
            (time.time(), _bounded(sector), _bounded(role), _bounded(topic)),
        )

    def wishes_after(self, id: int) -> list[WishRow]:
        """The wishes with ids above this one, oldest first.

        Raises:
            EnvironmentFault: The ledger cannot be read.
        """
        return [WishRow(*row) for row in self._read("SELECT id, sector, role, topic FROM wishes WHERE id > ?", id)]

    def record_idea(
        self,
        id: int,
        number: int,
        conversation: str,
        author: str,
        *,
        writer: str,
        parents: Sequence[int],
        hop: int,
        idea: Mapping[str, Any],
        weak: Sequence[str] = (),
        source: Literal["agent", "one-shot"] = "agent",
    ) -> None:
        """Record one text of an idea.

        Args:
            id: The text's number in this run.
            number: The number of the idea that it is a text of.
            conversation: The conversation that it came from.
            author: Whose idea it is.
            writer: Who wrote this text.
            parents: The texts that it was made from.
            hop: How many colleagues the idea had passed; 0 for the author's own first text.
            idea: The parts of the idea.
            weak: What plain checks found wrong with it.
            source: ``one-shot`` for an idea of the baseline.
        """
        text = encodable(json.dumps(dict(idea), ensure_ascii=False))
        self._write(
            "INSERT INTO ideas (id, at, number, conversation, source, author, writer, parents, hop, weak, idea)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                id,
                time.time(),
                number,
                _bounded(conversation),
                source,
                _bounded(author),
                _bounded(writer),
                json.dumps(list(parents)),
                hop,
                json.dumps([_bounded(one) for one in weak]),
                text,
            ),
        )

    def last_text(self) -> int:
        """The highest id of a text of an idea; 0 when there is none.

        Raises:
            EnvironmentFault: The ledger cannot be read.
        """
        rows = self._read("SELECT id FROM ideas WHERE id = (SELECT max(id) FROM ideas)")
        return int(rows[0][0]) if rows else 0

    def record_remark(self, author: str, kind: str, about: int, content: str) -> None:
        """Record what somebody said about a text.

        Args:
            author: Who.
            kind: ``critique``, ``pro``, ``contra`` or ``verdict``.
            about: The text's id.
            content: What.
        """
        self._write(
            "INSERT INTO remarks (at, author, kind, about, content) VALUES (?, ?, ?, ?, ?)",
            (time.time(), _bounded(author), kind, about, _bounded(content, _LONG)),
        )

    def record_comparison(
        self, judge: str, model: str, round: int, first: int, second: int, winner: int | None, reason: str
    ) -> None:
        """Record a judge's verdict on a pair.

        Args:
            judge: Which judge.
            model: Its model.
            round: Which round, from 1.
            first: The number of the idea that it was shown first.
            second: The other.
            winner: The one that it prefers; None when it gave no verdict.
            reason: Why.
        """
        self._write(
            "INSERT INTO comparisons (at, judge, model, round, first, second, winner, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (time.time(), _bounded(judge), _bounded(model), round, first, second, winner, _bounded(reason, _LONG)),
        )

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._connection.execute(f"{statement} ORDER BY id", values).fetchall()
            except sqlite3.Error as error:
                raise fault(self.path, error) from None

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._lock:
            try:
                self._connection.execute(statement, values)
            except sqlite3.IntegrityError as error:
                table = statement.removeprefix("INSERT INTO ").partition(" ")[0]
                raise ValueError(f"The ledger's table {table!r} refused a row: {error}.") from None
            except sqlite3.Error as error:
                raise fault(self.path, error) from None


def _bounded(text: str, limit: int = _SHORT) -> str:
    return shorten(encodable(text), limit)
