"""A run whose agents are drawn from lists of the user's own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from creator.ideas.diversity import diversity_of
from creator.ideas.likeness import WordLikeness
from creator.outcome import RunOutcome


async def test_agents_come_from_the_lists_of_a_file(run: Callable[..., Awaitable[RunOutcome]], tmp_path: Path) -> None:
    sector = {"sector": "bakeries", "topics": ["unsold bread"], "customers": ["village bakers", "hotel buyers"]}
    briefs = tmp_path / "briefs.json"
    lists = {"replace": True, "sectors": [sector], "technologies": ["smell sensors"]}
    briefs.write_text(json.dumps(lists), encoding="utf-8")
    outcome = await run(3, briefs=briefs)
    assert outcome.exit_code == 0
    told = {(agent.sector, agent.technology) for agent in outcome.agents}
    assert told == {("bakeries", "smell sensors")}
    assert {agent.customer for agent in outcome.agents} == {"village bakers", "hotel buyers"}
    modules = [path.read_text(encoding="utf-8") for path in (outcome.directory / "agents").glob("*.py")]
    assert len(modules) == 3
    assert all("first and like to use smell sensors." in module for module in modules)
    diversity = await diversity_of(outcome.agents, outcome.ideas, WordLikeness())
    assert (diversity.agents, diversity.sectors, diversity.customers, diversity.technologies) == (3, 1, 2, 1)
