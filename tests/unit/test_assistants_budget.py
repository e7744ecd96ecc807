"""What assistants may spend: totals that nothing goes beyond, and models that need a person's consent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from creator.assistants.purse import Amount, Limits, Purse
from creator.assistants.started import Order, StartedRuns
from creator.errors import UsageError


def test_what_is_held_cannot_be_held_again_and_comes_back() -> None:
    purse = Purse(Limits(cost=1.0, tokens=1_000, agents=4, runs=2))
    first = purse.hold(Amount(nano=700_000_000, tokens=600, agents=2, runs=1))
    for most in (Amount(tokens=401), Amount(nano=300_000_001), Amount(agents=3), Amount(runs=2)):
        with pytest.raises(UsageError, match="Wait for what goes on"):
            purse.hold(most)
    first.settle(Amount(nano=100_000_000, tokens=100, agents=1, runs=1))
    assert (purse.dollars_left, purse.tokens_left, purse.agents_left, purse.runs_left) == (0.9, 900, 3, 1)
    purse.hold(Amount(tokens=900)).settle(None)
    assert purse.tokens_left == 0
    with pytest.raises(UsageError, match=re.escape("0 tokens left, not 1 (--max-tokens). Only the person")):
        purse.hold(Amount(tokens=1))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """The options of runs that would be started, none of which is."""
    seen: list[Mapping[str, object]] = []

    async def launch(output: Path, options: Mapping[str, object]) -> Path:
        seen.append(options)
        raise UsageError("not today")

    monkeypatch.setattr("creator.launching.launch", launch)
    return seen


def started(limits: Limits, **order: Any) -> tuple[str, Purse]:
    """Why a run was refused, and what is left then."""
    purse = Purse(limits)

    async def start() -> str:
        async with StartedRuns(Path("generated"), purse) as runs:
            with pytest.raises(UsageError) as refusal:
                await runs.start(Order(**{"count": 2, **order}))
            return str(refusal.value)

    return asyncio.run(start()), purse


def test_only_free_models_run_without_a_persons_consent(
    launched: list[Mapping[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none-of-your-business")
    refusal, _ = started(Limits())
    assert "openai:gpt-4.1-mini may cost money" in refusal and "--max-cost" in refusal
    monkeypatch.setenv("CREATOR_MODEL", "ollama:llama3")
    monkeypatch.setenv("CREATOR_JUDGE_MODEL", "openai:gpt-4.1-mini")
    assert "openai:gpt-4.1-mini may cost money" in started(Limits())[0]
    assert not launched
    monkeypatch.delenv("CREATOR_JUDGE_MODEL")
    refusal, purse = started(Limits())
    assert refusal == "not today" and purse.spent == purse.held == Amount()
    assert float(str(launched[0]["max_cost"])) == 1e-9  # whatever is asked in the end, it has to be free
    assert launched[0]["max_agents"] is launched[0]["max_tokens"] is None


def test_a_run_gets_no_more_than_is_left_asked_for_and_usual(
    launched: list[Mapping[str, object]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none-of-your-business")
    limits = Limits(cost=0.5, tokens=50_000, agents=3)
    _, purse = started(limits)
    assert launched[-1] == {
        "count": 2,
        "objective": None,
        "max_tokens": 50_000,
        "max_cost": "0.500000000",
        "max_agents": 3,
    }
    assert purse.held == Amount() and 0 < purse.spent.tokens < 200  # whether the model answers may have been asked
    started(limits, max_tokens=9, max_cost=0.25)
    assert (launched[-1]["max_tokens"], launched[-1]["max_cost"]) == (9, "0.250000000")
    monkeypatch.setenv("CREATOR_MAX_COST", "0.1")
    started(limits, max_cost=0.25)
    assert launched[-1]["max_cost"] == "0.100000000"
    monkeypatch.setenv("CREATOR_MODEL", "openai:of-my-own")
    assert "price of openai:of-my-own is unknown" in started(limits)[0]
    (tmp_path / "prices.json").write_text(json.dumps({"openai:of-my-own": {"prompt": 1, "completion": 2}}), "utf-8")
    monkeypatch.setenv("CREATOR_PRICES", str(tmp_path / "prices.json"))
    assert started(limits)[0] == "not today"
