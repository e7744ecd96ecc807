"""Near-duplicates: who is listed under whom, whatever the order and however many come at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from creator.ideas.duplicates import Groups, Placement
from creator.ideas.likeness import WordLikeness
from sandbox.protocol import Idea
from tests.unit.test_likeness import IDEAS, SAMPLE

FROST = Idea(title="Frost Watch", problem="Buds freeze at night.", solution="An agent calls the grower in time.")
FROST_AGAIN = Idea(title="Frost Watch", problem="At night buds freeze.", solution="In time an agent calls the grower.")
FROST_MORE = FROST_AGAIN.model_copy(update={"risks": "Sensors fail in the cold."})
TAXES = Idea(title="Receipt Sorter", problem="Freelancers lose receipts.", solution="An agent asks for each by chat.")


async def test_the_earlier_of_two_that_are_nearly_the_same_stays() -> None:
    groups = Groups(WordLikeness())
    assert await groups.add(1, FROST) == Placement(1)
    assert await groups.add(2, TAXES) == Placement(2)
    assert await groups.add(3, FROST_AGAIN) == Placement(3, under=1)
    assert groups.under == {3: 1}


async def test_a_more_complete_newcomer_takes_the_place_and_the_others_move_under_it() -> None:
    groups = Groups(WordLikeness())
    await groups.add(1, FROST)
    await groups.add(2, FROST_AGAIN)
    assert await groups.add(3, FROST_MORE) == Placement(3, replaces=1)
    assert groups.under == {1: 3, 2: 3}
    assert await groups.add(4, FROST) == Placement(4, under=3)


async def test_what_checks_found_weighs_more_than_completeness() -> None:
    groups = Groups(WordLikeness())
    await groups.add(1, FROST)
    assert await groups.add(2, FROST_MORE, ["vague"]) == Placement(2, under=1)
    await groups.add(3, TAXES, ["vague", "short"])
    assert await groups.add(4, TAXES, ["vague"]) == Placement(4, replaces=3)


async def test_the_group_that_is_most_alike_is_chosen() -> None:
    class ByTitle:
        name, threshold = "titles", 0.5

        async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
            return [{"one": 0.6, "two": 0.9}.get(other, 0.0) if text == "new" else 0.0 for other in others]

    groups = Groups(ByTitle())
    for number, title in enumerate(("one", "two", "three"), 1):
        await groups.add(number, Idea(title=title))
    assert await groups.add(4, Idea(title="new")) == Placement(4, under=2)
    assert groups.mean_likeness(4) == pytest.approx(0.5)
    assert groups.mean_likeness(2) == pytest.approx(0.3)
    assert groups.mean_likeness(99) == 0


async def test_the_threshold_can_be_chosen() -> None:
    groups = Groups(WordLikeness(), threshold=0.0)
    await groups.add(1, FROST)
    assert await groups.add(2, TAXES) == Placement(2, under=1)


async def test_ideas_that_come_at_once_go_one_after_the_other() -> None:
    class Slow(WordLikeness):
        async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
            await asyncio.sleep(0)
            return await super().__call__(text, others)

    groups = Groups(Slow())
    async with asyncio.TaskGroup() as group:
        added = [group.create_task(groups.add(number, FROST)) for number in range(1, 21)]
    bests = [one.result().number for one in added if one.result().under is None]
    assert len(bests) == 1
    assert groups.under == dict.fromkeys(set(range(1, 21)) - set(bests), bests[0])


async def test_an_add_that_is_cancelled_leaves_nothing() -> None:
    begun = asyncio.Event()

    class Stuck(WordLikeness):
        async def __call__(self, text: str, others: Sequence[str]) -> list[float]:
            if others and not begun.is_set():
                begun.set()
                await asyncio.Event().wait()
            return await super().__call__(text, others)

    groups = Groups(Stuck())
    await groups.add(1, TAXES)
    stuck = asyncio.create_task(groups.add(2, FROST))
    await begun.wait()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    assert await groups.add(2, FROST) == Placement(2)


async def test_an_idea_is_added_once() -> None:
    groups = Groups(WordLikeness())
    await groups.add(1, FROST)
    with pytest.raises(ValueError, match="idea 1 is in a group already"):
        await groups.add(1, FROST)


async def test_of_the_labelled_sample_exactly_the_duplicates_are_grouped() -> None:
    groups, numbers = Groups(WordLikeness()), {}
    for number, (name, idea) in enumerate(IDEAS.items(), 1):
        numbers[name] = number
        await groups.add(number, idea)
    pairs = {frozenset((numbers[one], numbers[other])) for one, other in SAMPLE["duplicates"]}
    assert {frozenset(pair) for pair in groups.under.items()} == pairs
