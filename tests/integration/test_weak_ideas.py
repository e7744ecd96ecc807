"""Weak ideas: asked for once more, and marked where they stay weak."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from creator.ledger.store import FILE_NAME
from sandbox.protocol import Idea
from tests.scripted_server import Fault

FOUND = ["solution repeats itself", "says nothing of its sector"]
LOOP = "It saves time and it saves time and it saves time and it saves time."
TOLD = "Your last answer was weak"


def wants_idea(request: dict[str, Any]) -> bool:
    schema = request.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return "problem" in schema.get("properties", {})


def degenerate(*, always: bool) -> Fault:
    """Every first answer is weak, or every one is."""
    weak = {name: f"A plain {name}, well said." for name in Idea.model_fields} | {"solution": LOOP}

    def fault(number: int, request: dict[str, Any]) -> str | None:
        if wants_idea(request) and (always or TOLD not in json.dumps(request["messages"])):
            return json.dumps(weak)
        return None

    return fault


def in_ledger(outcome: Any) -> Sequence[list[str]]:
    with sqlite3.connect(outcome.directory / FILE_NAME) as database:
        return [json.loads(weak) for (weak,) in database.execute("SELECT weak FROM ideas ORDER BY number")]


async def test_a_weak_idea_is_asked_for_once_more_with_what_was_wrong(run: Any, serve: Any) -> None:
    server = serve(fault=degenerate(always=False))
    outcome = await run(2, server=server, bounce=0)
    assert [idea.weak for idea in outcome.ideas] == [[], []]
    assert all("scripted" in idea.final.solution for idea in outcome.ideas)
    told = [str(one["messages"][-2]["content"]) for one in server.requests if TOLD in json.dumps(one["messages"])]
    assert len(told) == 2 and all("; ".join(FOUND) in one for one in told)
    for agent in outcome.agents:
        assert agent.completion_tokens > 0, "both answers are on the agent's account"


async def test_an_idea_that_stays_weak_is_marked_and_kept(run: Any, serve: Any) -> None:
    server = serve(fault=degenerate(always=True))
    outcome = await run(2, server=server, bounce=0)
    assert [idea.weak for idea in outcome.ideas] == [FOUND] * 2
    assert [idea.final.solution for idea in outcome.ideas] == [LOOP] * 2
    assert in_ledger(outcome) == [FOUND] * 2
    assert sum(map(wants_idea, server.requests)) == 4, "once more, and no more"


async def test_a_second_try_that_fails_leaves_the_first(run: Any) -> None:
    weak = degenerate(always=True)

    def fault(number: int, request: dict[str, Any]) -> str | None:
        return "400 no more" if TOLD in json.dumps(request["messages"]) else weak(number, request)

    outcome = await run(2, fault=fault, bounce=0)
    assert [idea.weak for idea in outcome.ideas] == [FOUND] * 2


async def test_good_ideas_cost_no_second_call(run: Any, serve: Any) -> None:
    server = serve()
    outcome = await run(3, server=server, bounce=0)
    assert [idea.weak for idea in outcome.ideas] == [[], [], []]
    assert in_ledger(outcome) == [[], [], []]
    assert sum(map(wants_idea, server.requests)) == 3
