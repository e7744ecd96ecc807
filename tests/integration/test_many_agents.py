"""A large population, packed: all of it is delivered, and the record agrees with it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from creator.outcome import RunOutcome
from tests.conftest import RecordedProgress

COUNT = 120


def counted(outcome: RunOutcome, *statements: str) -> list[int]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        return [ledger.execute(statement).fetchone()[0] for statement in statements]


async def test_more_than_a_hundred_packed_agents_all_deliver_and_the_ledger_agrees(run: Any) -> None:
    progress = RecordedProgress()
    outcome = await run(
        COUNT,
        agents_per_cell=40,
        bounce=1.0,
        pattern="bounce",
        hop_limit=1,
        tournament=False,
        progress=progress,
        birth_deadline=60,
        reply_deadline=120,
    )
    assert outcome.exit_code == 0, outcome.reason
    assert (len(outcome.live), len(outcome.ideas), outcome.failures) == (COUNT, COUNT, [])
    assert {idea.author for idea in outcome.ideas} == {agent.name for agent in outcome.live}
    assert {len(idea.contributors) for idea in outcome.ideas} == {1}

    live, ideas, texts, calls, tokens, answered = counted(
        outcome,
        "SELECT count(*) FROM agents WHERE state = 'live'",
        "SELECT count(*) FROM ideas",
        "SELECT count(*) FROM texts",
        "SELECT count(*) FROM calls WHERE error IS NULL",
        "SELECT sum(prompt_tokens + completion_tokens) FROM calls",
        "SELECT count(*) FROM messages WHERE outcome = 'ok'",
    )
    assert (live, ideas, texts, calls) == (COUNT, COUNT, 2 * COUNT, 3 * COUNT)
    assert tokens == outcome.prompt_tokens + outcome.completion_tokens
    assert tokens > sum(agent.prompt_tokens + agent.completion_tokens for agent in outcome.agents) > 0
    detail = _host_counters(outcome)
    assert answered == detail["ended"] == detail["delivered"]
    assert (detail["pending"], detail["refused"]) == (0, {})

    assert Counter(state for _, state, _ in progress.agents)["live"] == COUNT
    assert len(list((outcome.directory / "ideas").glob("*.md"))) == COUNT
    page = (outcome.directory / "report.html").read_text("utf-8")
    assert all(f'id="idea-{number}"' in page for number in range(1, COUNT + 1))


def _host_counters(outcome: RunOutcome) -> dict[str, Any]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        (detail,) = ledger.execute("SELECT detail FROM events WHERE kind = 'host'").fetchone()
    counters: dict[str, Any] = json.loads(detail)
    return counters


async def test_conversations_begin_only_when_births_no_longer_fill_the_model(run: Any, serve: Any) -> None:
    """Else those who are born first wait for the others, and hold the places that these are waiting for."""
    outcome = await run(24, server=serve(latency=0.2), model_concurrency=2, bounce=1.0, pattern="bounce", hop_limit=1)
    assert outcome.exit_code == 0, outcome.reason
    (births_before,) = counted(
        outcome,
        "SELECT count(*) FROM events WHERE kind = 'live' AND at < (SELECT min(at) FROM calls WHERE agent <> 'creator')",
    )
    assert births_before >= 24 - 2
