"""What becomes of ideas: compared while others are born, grouped, bred from, held against one-shot ideas."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from creator.errors import UsageError
from creator.ledger.view import load_run
from creator.outcome import RunOutcome
from tests.conftest import RecordedProgress
from tests.scripted_server import ScriptedServer, coin, prefer_first, prefer_lower_number

Run = Callable[..., Awaitable[RunOutcome]]
Serve = Callable[..., ScriptedServer]


def rows(outcome: RunOutcome, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as connection:
        return connection.execute(statement).fetchall()


def is_judging(request: dict[str, Any]) -> bool:
    return "preferred" in json.dumps(request.get("response_format", {}))


async def test_ideas_are_put_in_the_judges_order_with_every_verdict_on_record(run: Run, serve: Serve) -> None:
    server = serve(prefer=prefer_lower_number)
    progress = RecordedProgress()
    outcome = await run(6, server=server, tournament=True, progress=progress)
    assert outcome.exit_code == 0, outcome.reason
    ranking = outcome.ranking
    assert ranking is not None
    assert ranking.by == "judge"
    titles = {idea.number: title_number(idea.final.title) for idea in outcome.ideas}
    assert ranking.order == sorted(titles, key=titles.__getitem__)
    assert [place.number for place in ranking.places] == ranking.order
    assert all(place.low <= place.rating <= place.high for place in ranking.places)
    [judge] = ranking.judges
    assert (judge.pairs, judge.agreed) == (15, 15)  # six ideas: everyone has met everyone
    assert not judge.at_chance
    assert ranking.note == ""
    verdicts = rows(outcome, "SELECT first, second, winner, reason FROM comparisons")
    assert len(verdicts) == 30
    assert {(first, second) for first, second, *_ in verdicts} == {
        (first, second) for first in titles for second in titles if first != second
    }
    assert all(titles[winner] == min(titles[first], titles[second]) for first, second, winner, _ in verdicts)
    assert all(reason for *_, reason in verdicts)
    assert load_run(outcome.directory).outcome == outcome
    assert progress.comparisons[-1][0] == 15


def title_number(text: str) -> int:
    found = re.search(r"scripted title of call (\d+)", text)
    return int(found[1]) if found else 0


async def test_judging_begins_before_the_last_idea_has_come(run: Run, serve: Serve) -> None:
    outcome = await run(12, server=serve(latency=0.02), tournament=True, model_concurrency=4)
    [[first_verdict]] = rows(outcome, "SELECT min(at) FROM comparisons")
    [[last_idea]] = rows(outcome, "SELECT max(at) FROM ideas")
    assert first_verdict < last_idea


async def test_a_judge_sees_nothing_of_who_wrote_an_idea(run: Run, serve: Serve) -> None:
    server = serve()
    outcome = await run(4, server=server, tournament=True, baseline=True)
    asked = [json.dumps(request["messages"]) for request in server.requests if is_judging(request)]
    assert asked
    names = [agent.name for agent in outcome.agents]
    for text in asked:
        assert not any(name in text for name in names)
        assert "one-shot" not in text


@pytest.mark.parametrize("prefer", [prefer_first, coin(7)], ids=["always the first", "a coin"])
async def test_a_judge_at_chance_level_is_named_loudly(run: Run, serve: Serve, prefer: Any) -> None:
    outcome = await run(6, server=serve(prefer=prefer), tournament=True)
    ranking = outcome.ranking
    assert ranking is not None
    assert ranking.judges[0].at_chance
    assert "this order means nothing" in ranking.note
    assert ranking.note in (outcome.directory / "report.html").read_text("utf-8")


async def test_a_panel_of_two_models_judges(run: Run, serve: Serve) -> None:
    own = serve()
    outcome = await run(
        4,
        server=own,
        tournament=True,
        judges=2,
        judge_model=["openai:scripted", "openai:another"],
    )
    ranking = outcome.ranking
    assert ranking is not None
    assert [(judge.name, judge.model) for judge in ranking.judges] == [
        ("judge 1", "openai:scripted"),
        ("judge 2", "openai:another"),
    ]
    asked = {request["model"] for request in own.requests if is_judging(request)}
    assert asked == {"scripted", "another"}


async def test_near_duplicates_are_listed_under_the_best_and_not_judged(run: Run, serve: Serve) -> None:
    same = {
        part: f"The very same {part} in every idea that this model has, told in the same words."
        for part in (
            "problem",
            "customer",
            "solution",
            "why_now",
            "revenue_model",
            "cost_to_try",
            "first_step",
            "risks",
        )
    }

    def fault(number: int, request: dict[str, Any]) -> str | None:
        wanted = request.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {})
        return json.dumps({"title": "The same idea", **same}) if "problem" in wanted else None

    outcome = await run(4, server=serve(fault=fault), tournament=True, bounce=0.0)
    ranking = outcome.ranking
    assert ranking is not None
    assert len(ranking.places) == 1
    best = ranking.places[0].number
    assert ranking.under == {number: best for number in (1, 2, 3, 4) if number != best}
    assert sorted(ranking.order) == [1, 2, 3, 4]
    assert rows(outcome, "SELECT count(*) FROM comparisons") == [(0,)]


async def test_generations_are_bred_from_the_best_on_one_scale(run: Run, serve: Serve) -> None:
    outcome = await run(5, server=serve(), tournament=True, generations=2, keep=2)
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.asked == len(outcome.ideas) == 5 + 2 * 3
    by_name = {agent.name: agent for agent in outcome.agents}
    assert [sum(agent.generation == number for agent in outcome.agents) for number in range(3)] == [5, 3, 3]
    for agent in outcome.agents:
        if agent.generation:
            assert len(set(agent.parents)) == 2
            assert all(by_name[parent].generation < agent.generation for parent in agent.parents)
    ranking = outcome.ranking
    assert ranking is not None
    assert {place.number for place in ranking.places} == {idea.number for idea in outcome.ideas}
    assert [report.generation for report in outcome.generations] == [0, 1, 2]
    assert all(report.tokens > 0 and report.mean_rating is not None for report in outcome.generations)
    assert outcome.generations[0].over_first is None
    assert all(report.over_first is not None for report in outcome.generations[1:])
    assert all(report.over_one_shots is not None for report in outcome.generations)
    assert outcome.baseline is not None, "generations are held against one-shot ideas without being asked to"
    generation_of = {idea.number: idea.generation for idea in outcome.ideas}
    met = rows(outcome, "SELECT first, second FROM comparisons")
    assert any(generation_of[first] != generation_of[second] for first, second in met), "no shared anchors"


async def test_the_parents_of_a_generation_are_the_authors_of_the_best(run: Run, serve: Serve) -> None:
    server = serve(prefer=prefer_lower_number)
    outcome = await run(5, server=server, tournament=True, generations=1, keep=2, baseline=False)
    assert outcome.baseline is None
    first = [idea for idea in outcome.ideas if not idea.generation]
    best = sorted(first, key=lambda idea: title_number(idea.final.title))[:2]
    parents = {parent for agent in outcome.agents if agent.generation for parent in agent.parents}
    assert parents == {idea.author for idea in best}


async def test_one_shot_ideas_of_the_same_model_take_part_blind(run: Run, serve: Serve) -> None:
    outcome = await run(4, server=serve(), tournament=True, baseline=True)
    assert outcome.exit_code == 0, outcome.reason
    baseline = outcome.baseline
    assert baseline is not None
    assert baseline.ideas == len(outcome.one_shot) == 4
    assert 4 <= baseline.made <= 40
    assert baseline.made == 40 or baseline.baseline_tokens >= baseline.population_tokens
    assert rows(outcome, "SELECT count(*) FROM ideas WHERE source = 'one-shot'") == [(baseline.made,)]
    assert baseline.preferred is not None
    assert 0 <= baseline.preferred.low <= baseline.preferred.share <= baseline.preferred.high <= 1
    assert all(idea.number > 100_000 and idea.source == "one-shot" for idea in outcome.one_shot)
    ranking = outcome.ranking
    assert ranking is not None
    assert sorted(ranking.order) == [1, 2, 3, 4], "one-shot ideas are no ideas of the population"
    assert rows(outcome, "SELECT count(*) FROM comparisons WHERE first > 100000 AND second <= 100000")[0][0] > 0
    assert len(list((outcome.directory / "ideas" / "one-shot").iterdir())) == baseline.ideas


async def test_without_a_tournament_the_order_is_that_of_plain_checks(run: Run) -> None:
    outcome = await run(3)
    ranking = outcome.ranking
    assert ranking is not None
    assert ranking.by == "checks"
    assert sorted(ranking.order) == [1, 2, 3]
    assert not ranking.places
    assert outcome.diversity is not None
    assert outcome.diversity.sectors == 3


async def test_a_judge_that_cannot_judge_is_refused_before_anything_is_spawned(run: Run, serve: Serve) -> None:
    with pytest.raises(UsageError, match="cannot judge"):
        await run(2, server=serve(), tournament=True, judge_model=["embedded"])


async def test_a_judge_that_fails_holds_nobody_up(run: Run, serve: Serve) -> None:
    def fault(number: int, request: dict[str, Any]) -> str | None:
        return "400 no" if is_judging(request) else None

    outcome = await run(4, server=serve(fault=fault), tournament=True)
    assert outcome.exit_code == 0, outcome.reason
    ranking = outcome.ranking
    assert ranking is not None
    assert ranking.judges[0].failed > 0
    assert "this order means nothing" in ranking.note
    assert sorted(ranking.order) == [1, 2, 3, 4]
