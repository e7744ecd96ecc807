"""The order of a run's ideas, with a judge and without, and how diverse a population is."""

from __future__ import annotations

from typing import Any

import pytest

from creator.ideas.diversity import MAX_IDEAS, diversity_of
from creator.ideas.duplicates import Groups
from creator.ideas.likeness import WordLikeness
from creator.ideas.order import NO_JUDGE, order_by_checks, ranking_with
from creator.outcome import AgentOutcome, IdeaOutcome, IdeaVersion, RatedIdea
from sandbox.protocol import Idea

LIKENESS = WordLikeness()


def outcome(number: int, idea: Idea, weak: list[str] | None = None) -> IdeaOutcome:
    return IdeaOutcome(number=number, author="ada", versions=[IdeaVersion(author="ada", idea=idea)], weak=weak or [])


def idea(title: str, **parts: str) -> Idea:
    return Idea(title=title, **parts)


async def grouped(ideas: list[IdeaOutcome]) -> Groups:
    groups = Groups(LIKENESS)
    for one in ideas:
        await groups.add(one.number, one.final, one.weak)
    return groups


async def test_without_a_judge_plain_checks_order_the_ideas() -> None:
    ideas = [
        outcome(1, idea("Frost watch", problem="Buds freeze."), ["vague"]),
        outcome(2, idea("Receipt sorter", problem="Receipts are lost.")),
        outcome(3, idea("Kiln diary", problem="Glazes vary.", solution="Log each firing.")),
        outcome(4, idea("Kiln diary", problem="Glazes vary.", solution="Log every firing."), ["short"]),
    ]
    ranking = order_by_checks(ideas, await grouped(ideas))
    assert (ranking.by, ranking.order, ranking.under) == ("checks", [3, 4, 2, 1], {4: 3})
    assert (ranking.places, ranking.note) == ([], NO_JUDGE)
    assert "--model openai:NAME" in ranking.note


async def test_of_equally_complete_ideas_the_most_distinct_comes_first() -> None:
    ideas = [
        outcome(1, idea("Bread price radar for bakeries in town")),
        outcome(2, idea("Bread demand planner for bakeries in towns")),
        outcome(3, idea("Quiet xylophone lessons")),
    ]
    assert order_by_checks(ideas, await grouped(ideas)).order[0] == 3


async def test_ideas_that_are_equal_in_all_come_in_the_order_of_their_numbers() -> None:
    ideas = [outcome(number, idea(title)) for number, title in ((2, "aaaa"), (1, "bbbb"))]
    assert order_by_checks(ideas, await grouped(ideas)).order == [1, 2]


async def test_an_idea_whose_best_is_not_shown_stands_for_itself() -> None:
    ideas = [outcome(1, idea("Kiln diary")), outcome(2, idea("Diary kiln"))]
    groups = await grouped(ideas)
    assert groups.under == {2: 1}
    ranking = order_by_checks(ideas[1:], groups)
    assert (ranking.order, ranking.under) == ([2], {})


def rated(number: int, rank: int) -> RatedIdea:
    facts: dict[str, Any] = {"rating": 1500, "low": 1400, "high": 1600, "wins": 1, "comparisons": 2}
    return RatedIdea(number=number, rank=rank, **facts)


async def test_in_a_judges_order_near_duplicates_follow_their_best() -> None:
    titles = {1: "Frost watch", 2: "Receipt sorter", 3: "Watch frost", 4: "Kiln diary", 5: "Receipts sorter"}
    ideas = [outcome(number, idea(title)) for number, title in titles.items()]
    groups = await grouped(ideas)
    ranking = ranking_with([rated(2, 1), rated(3, 2), rated(1, 3)], ideas, groups, rounds=4)
    assert (ranking.by, ranking.rounds, ranking.under) == ("judge", 4, {3: 1, 5: 2})
    assert ranking.order == [2, 5, 1, 3, 4]
    assert [(one.number, one.rank) for one in ranking.places] == [(2, 1), (1, 2)]


async def test_ideas_that_share_a_rank_keep_sharing_it() -> None:
    ideas = [outcome(number, idea(title)) for number, title in enumerate(("Frost", "Receipts", "Kiln"), 1)]
    ranking = ranking_with([rated(2, 1), rated(1, 2), rated(3, 2)], ideas, await grouped(ideas))
    assert [one.rank for one in ranking.places] == [1, 2, 2]


async def test_diversity_counts_what_live_agents_differ_in() -> None:
    agents = [
        AgentOutcome(name="a", state="live", sector="dental care", customer="solo dentists", technology="voice calls"),
        AgentOutcome(name="b", state="live", sector="Dental  care", customer="patients", technology="voice calls"),
        AgentOutcome(name="c", state="live", sector="tax advice"),
        AgentOutcome(name="d", state="failed", sector="car repair", customer="drivers", technology="chat"),
    ]
    ideas = [outcome(1, idea("frost")), outcome(2, idea("Frost.")), outcome(3, idea("gggg"))]
    diversity = await diversity_of(agents, ideas, LIKENESS)
    assert (diversity.agents, diversity.sectors, diversity.customers, diversity.technologies) == (3, 2, 2, 1)
    assert diversity.similarity == pytest.approx(1 / 3)
    assert diversity.measured_by == "words"


@pytest.mark.parametrize("count", [0, 1])
async def test_one_idea_alone_has_no_similarity(count: int) -> None:
    diversity = await diversity_of([], [outcome(1, idea("frost"))][:count], LIKENESS)
    assert (diversity.agents, diversity.similarity) == (0, None)


async def test_of_many_ideas_the_same_sample_is_measured_each_time() -> None:
    compared: list[str] = []

    class Counted(WordLikeness):
        async def __call__(self, text: str, others: Any) -> list[float]:
            compared.append(text)
            return await super().__call__(text, others)

    ideas = [outcome(number, idea(f"idea {number} of {number % 7}")) for number in range(1, 501)]
    first = await diversity_of([], ideas, Counted(), seed=3)
    assert len(set(compared)) == MAX_IDEAS
    assert await diversity_of([], ideas, LIKENESS, seed=3) == first
