"""Where a run stands, in numbers, and which of its ideas are ahead."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

_AGENTS: Final = (
    "SELECT total(state = 'live') AS live, total(state = 'failed') AS failed, total(state = 'pending') AS pending"
    " FROM agents"
)
_TOTALS: Final = """
SELECT
    (SELECT count(*) FROM births) AS births,
    (SELECT min(at) FROM births) AS first_birth,
    (SELECT count(*) FROM events WHERE kind = 'birth failed') AS failed_tries,
    (SELECT count(*) FROM ideas WHERE source = 'agent') AS ideas,
    (SELECT count(*) FROM ideas WHERE source = 'one-shot') AS one_shots,
    (SELECT count(DISTINCT texts.number) FROM texts JOIN ideas USING (number)
        WHERE texts.writer != ideas.author) AS refined,
    (SELECT count(*) FROM comparisons) AS judged,
    (SELECT coalesce(max(round), 0) FROM comparisons) AS round,
    (SELECT count(*) FROM messages) AS messages,
    (SELECT count(*) FROM messages WHERE source IN (SELECT name FROM agents)) AS agents_messages,
    (SELECT count(*) FROM messages WHERE outcome != 'ok') AS failed_messages,
    (SELECT count(DISTINCT conversation) FROM messages WHERE conversation != '') AS conversations
"""
_SPENT: Final = (
    "SELECT count(*) AS calls, total(prompt_tokens) AS read, total(completion_tokens) AS written, total(cost) AS cost,"
    " total(cost IS NULL AND prompt_tokens + completion_tokens > 0) AS unknown FROM calls WHERE source = 'model'"
)
_LATEST_TEXT: Final = "(SELECT max(id) FROM texts AS every WHERE every.number = ideas.number)"
_RANKED: Final = f"""
SELECT ideas.number, ideas.author, json_extract(texts.idea, '$.title') AS title, ratings.rank, NULL AS won, NULL AS of
FROM ratings JOIN ideas USING (number) JOIN texts ON texts.id = {_LATEST_TEXT}
WHERE ideas.source = 'agent' ORDER BY ratings.rank LIMIT ?
"""  # noqa: S608
_AHEAD: Final = f"""
WITH seen (number, won) AS (
    SELECT first, winner = first FROM comparisons WHERE winner IS NOT NULL
    UNION ALL SELECT second, winner = second FROM comparisons WHERE winner IS NOT NULL
)
SELECT ideas.number, ideas.author, json_extract(texts.idea, '$.title') AS title, NULL AS rank, sum(won) AS won,
    count(*) AS of
FROM seen JOIN ideas USING (number) JOIN texts ON texts.id = {_LATEST_TEXT}
WHERE ideas.source = 'agent' GROUP BY ideas.number ORDER BY (sum(won) + 1.0) / (count(*) + 2) DESC, ideas.number LIMIT ?
"""  # noqa: S608
_NEWEST: Final = f"""
SELECT ideas.number, ideas.author, json_extract(texts.idea, '$.title') AS title, NULL AS rank, NULL AS won, NULL AS of
FROM ideas JOIN texts ON texts.id = {_LATEST_TEXT}
WHERE ideas.source = 'agent' ORDER BY texts.id DESC LIMIT ?
"""  # noqa: S608


@dataclass(frozen=True)
class Counters:
    """Where a run stands, in numbers.

    Attributes:
        births: Agents that were wished for.
        first_birth: When the first was, in seconds since 1970; None before that.
        live: Agents that came to life.
        failed: Agents that were given up.
        pending: Agents that wait for a person.
        failed_tries: Tries at births that came to nothing; most are made again.
        ideas: Of agents.
        one_shots: Ideas that no agent had a part in.
        refined: Ideas that a colleague has written a text of.
        judged: Comparisons that judges have made.
        round: Of the tournament; 0 before it.
        messages: All requests.
        agents_messages: Those that agents sent.
        failed_messages: Those that no answer came to.
        conversations: That agents had.
        calls: Of models, those that were paid for.
        read: Tokens.
        written: Tokens.
        cost: US dollars; None when a price is unknown.
    """

    births: int
    first_birth: float | None
    live: int
    failed: int
    pending: int
    failed_tries: int
    ideas: int
    one_shots: int
    refined: int
    judged: int
    round: int
    messages: int
    agents_messages: int
    failed_messages: int
    conversations: int
    calls: int
    read: int
    written: int
    cost: float | None

    @property
    def being_born(self) -> int:
        """Agents that nothing has come of yet."""
        return max(0, self.births - self.live - self.failed - self.pending)

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.read + self.written


@dataclass(frozen=True)
class Leading:
    """An idea that is worth a look.

    Attributes:
        number: Its number.
        author: Whose it is.
        title: Of its latest text.
        rank: Its place, once the judges are done.
        won: Comparisons that it won so far.
        of: Of how many.
    """

    number: int
    author: str
    title: str
    rank: int | None
    won: int | None
    of: int | None


def read_counters(connection: sqlite3.Connection) -> Counters:
    """Where a run stands.

    Args:
        connection: Of `creator.ledger.reading.opened`.
    """
    agents = {name: int(value) for name, value in dict(connection.execute(_AGENTS).fetchone()).items()}
    spent = connection.execute(_SPENT).fetchone()
    return Counters(
        **agents,
        **dict(connection.execute(_TOTALS).fetchone()),
        calls=spent["calls"],
        read=int(spent["read"]),
        written=int(spent["written"]),
        cost=None if spent["unknown"] else spent["cost"],
    )


def read_leading(connection: sqlite3.Connection, most: int = 8) -> list[Leading]:
    """The ideas in the judges' order; by what they won so far while judges compare; the newest before that.

    Args:
        connection: Of `creator.ledger.reading.opened`.
        most: How many, at most.
    """
    for statement in (_RANKED, _AHEAD, _NEWEST):
        rows = connection.execute(statement, (most,)).fetchall()
        if rows:
            return [Leading(**{**dict(row), "title": str(row["title"] or "")}) for row in rows]
    return []
