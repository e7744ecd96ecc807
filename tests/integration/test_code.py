"""`--author code`: a model writes behaviour, in the real pipeline with a real sandbox and a scripted model."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from creator.errors import UsageError
from creator.isolation import SandboxUnavailable

CODE: dict[str, Any] = {"author": "code", "sandbox": "bubblewrap", "bounce": 0.0}


def attempts(outcome: Any) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        return ledger.execute("SELECT stage, finding FROM attempts ORDER BY id").fetchall()


async def test_agents_whose_code_a_model_wrote_live_and_work(run: Any) -> None:
    outcome = await run(3, **CODE)
    assert outcome.exit_code == 0, outcome.reason
    assert {agent.author for agent in outcome.agents} == {"code"}
    assert len(outcome.ideas) == 3
    assert attempts(outcome) == []
    assert not list((outcome.directory / "agents").glob("trial_*"))


@pytest.mark.parametrize("fault", ["prose", "fenced", "bad import", "bad code", "nonsense", "truncated", "empty"])
async def test_every_second_answer_going_wrong_costs_no_agent(run: Any, fault: str) -> None:
    outcome = await run(2, fault=lambda number, request: fault if number % 2 == 0 else None, **CODE)
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.ideas) == 2


@pytest.mark.parametrize(
    ("fault", "stage", "named"), [("bad import", "policy", "IMPORT"), ("bad code", "trial", "KeyError")]
)
async def test_a_model_that_never_manages_leaves_template_filled_agents_and_it_is_said(
    run: Any, serve: Any, fault: str, stage: str, named: str
) -> None:
    def wrong(number: int, request: dict[str, Any]) -> str | None:
        return fault if "response_format" not in request else None

    server = serve(fault=wrong)
    outcome = await run(1, server=server, **CODE)
    assert outcome.exit_code == 0, outcome.reason
    assert [agent.author for agent in outcome.agents] == ["fill"]
    told = [finding for _, finding in attempts(outcome)]
    assert len(told) == 5
    assert all(f"{stage}: " in finding and named in finding for finding in told[:4])
    assert told[4] == "fell back to the template 'idea_agent'"
    repairs = [str(request["messages"][-1]["content"]) for request in server.requests if len(request["messages"]) > 2]
    assert sum(named in repair for repair in repairs) >= 3, "the model is told exactly what was wrong"


async def test_a_plain_process_takes_no_code_of_a_model(run: Any) -> None:
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await run(1, **{**CODE, "sandbox": "process"})


async def test_the_embedded_model_writes_no_code(run: Any) -> None:
    with pytest.raises(UsageError, match="capable model"):
        await run(1, model="embedded", base_url=None, **CODE)
