"""What a run tells its ledger."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from creator.agents.messages import Created
from creator.breeding.heritage import Heritage
from creator.models.accounts import CallRecord
from creator.models.backend import Completion, Usage
from creator.outcome import Conclusion, Ranking, RatedIdea
from creator.wishes import Wish
from sandbox.protocol import Proposal
from tests.unit.outcomes import idea
from tests.unit.recorded import Recorded

KEY = "ab" * 32
CALL = CallRecord("ada_freight", "m", 10, 5, 40, 0.5, 0, None, key=KEY, cost=0.25)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Recorded]:
    run = Recorded(tmp_path / "generated")
    yield run
    asyncio.run(run.record.ledger.close())


def test_a_birth_is_on_record_with_all_that_it_begins_with(run: Recorded) -> None:
    made, source = run.made("ada_freight")
    wish = Wish(4, made.brief, "idea_agent", parents=("bo",), generation=1, asked_by="bo")
    run.record.wished([replace(wish, heritage=Heritage({"interests": ["rates"]}, ("source",)))])
    run.record.wished([replace(wish, number=5, draft=Created(blueprint=made, source=source))])
    run.record.agent(wish, "ada_freight", "failed", attempts=3, reason="it never answered")
    bred, kept = run.record.ledger.births()
    assert (bred.number, bred.generation, bred.asked_by, bred.template, bred.parents) == (
        4,
        1,
        "bo",
        "idea_agent",
        ["bo"],
    )
    assert bred.brief == made.brief.model_dump()
    assert bred.heritage == {"slots": {"interests": ["rates"]}, "sources": ["source"]}
    assert (bred.kept, kept.kept, kept.heritage) == ("", "ada_freight", None)


def test_a_call_is_on_record_with_its_answer_and_only_what_was_paid_for_is_counted(run: Recorded) -> None:
    answer = Completion("yes", Usage(10, 5))
    run.record.call(CALL, answer)
    run.record.call(replace(CALL, source="shared", cost=None), answer)
    (spent,) = run.record.ledger.spent()
    assert (spent.calls, spent.cost, spent.prompt_tokens) == (1, 0.25, 10)
    assert run.record.answer(KEY) == answer
    assert run.record.answer("cd" * 32) is None
    outcome = run.record.outcome("process", "", interrupted=False)
    assert (outcome.prompt_tokens, outcome.completion_tokens) == (10, 5)


@pytest.mark.parametrize(("by", "ranks"), [("judge", [1]), ("checks", [None])])
def test_the_order_that_judges_came_to_is_on_record_when_the_run_ends(run: Recorded, by: str, ranks: list[int]) -> None:
    run.agent(1, "ada_freight")
    run.idea("ada_freight", "Dispatch desk")
    place = RatedIdea(number=1, rank=1, rating=1_500, low=1_400, high=1_600, wins=1, comparisons=2)
    conclusion = Conclusion(ranking=Ranking.model_validate({"by": by, "places": [place], "order": [1]}))
    run.record.outcome("process", "", interrupted=False, conclusion=conclusion)
    assert [rank for (rank,) in run.record.ledger.read("SELECT rank FROM ranked_ideas")] == ranks


def test_an_idea_is_on_record_under_the_birth_of_its_author(run: Recorded) -> None:
    run.agent(3, "ada_freight")
    wish = Wish(3, run.made("ada_freight")[0].brief, "idea_agent", generation=2)
    run.record.idea(wish, "ada_freight", "c1", Proposal(idea=idea("Dispatch desk")))
    for _ in range(2):
        run.record.one_shot(1, idea("Plain"))
    assert run.record.ledger.read("SELECT number, birth, generation, source, model FROM ideas") == [
        (1, 3, 2, "agent", "openai:gpt-4.1-mini"),
        (100_001, None, 0, "one-shot", "openai:gpt-4.1-mini"),
    ]
