"""Tournaments, from ideas that come in to an order with intervals and a report on each judge."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from creator.agents.messages import Preference
from creator.errors import RetryableModelError
from creator.ideas.judging import GIVEN_UP_AFTER, Verdict
from creator.ideas.pairing import rounds_for
from creator.ideas.self_agreement import chance_note, report_on, wilson_low
from creator.ideas.tournament import Tournament
from sandbox.errors import DeadlineExceeded
from sandbox.protocol import Idea

Decide = Callable[[int, int], bool | None]
"""Gets the numbers of two ideas, and tells whether the first is preferred."""


class Judge:
    """Judges by number, and keeps what it was asked."""

    def __init__(self, decide: Decide, name: str = "judge", model: str = "openai:x") -> None:
        self.name, self.model = name, model
        self.asked: list[tuple[int, int]] = []
        self._decide = decide

    async def compare(self, first: Idea, second: Idea) -> Preference:
        pair = int(first.title), int(second.title)
        self.asked.append(pair)
        await asyncio.sleep(0)
        wins = self._decide(*pair)
        return Preference(winner=None if wins is None else "first" if wins else "second", reason="because")


def lower(first: int, second: int) -> bool:
    """The lower number is the better idea."""
    return first < second


def noisy(seed: int, wrong: float = 0.15) -> Decide:
    """Tells the lower number, but now and then the other; the further apart, the more rarely."""
    dice = random.Random(seed)
    return lambda first, second: (first < second) != (dice.random() < wrong * (abs(first - second) < 8))


def coin(seed: int) -> Decide:
    dice = random.Random(seed)
    return lambda first, second: dice.random() < 0.5


def idea(number: int) -> Idea:
    return Idea(title=str(number))


def tournament(*judges: Any, verdicts: list[Verdict] | None = None, **more: Any) -> Tournament:
    return Tournament(judges, seed=1, on_verdict=(verdicts if verdicts is not None else []).append, **more)


async def played(held: Tournament, count: int = 0) -> Tournament:
    """Let so many ideas come, and everyone have its rounds."""
    for number in range(1, count + 1):
        held.enter(number, idea(number))
    playing = asyncio.create_task(held.play())
    try:
        async with asyncio.timeout(60):
            await held.settled()
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    return held


def order(held: Tournament) -> list[int]:
    return [place.number for place in held.places()]


def rank_correlation(numbers: list[int]) -> float:
    """Spearman's, against the order of the numbers."""
    count = len(numbers)
    distance = sum((place - sorted(numbers).index(number)) ** 2 for place, number in enumerate(numbers))
    return 1 - 6 * distance / (count * (count**2 - 1))


@pytest.mark.parametrize("seed", range(5))
async def test_a_noisy_judge_finds_the_order(seed: int) -> None:
    held = await played(tournament(Judge(noisy(seed))), 24)
    assert rank_correlation(order(held)) > 0.85
    places = held.places()
    assert [one.rank for one in places] == list(range(1, 25))
    assert all(one.low < one.rating < one.high for one in places)
    assert sum(one.rating for one in places) / 24 == pytest.approx(1500)
    assert not held.reports()[0].at_chance


async def test_each_has_its_rounds_and_each_pair_is_seen_in_both_orders() -> None:
    judge, verdicts = Judge(lower), list[Verdict]()
    held = await played(tournament(judge, verdicts=verdicts), 20)
    rounds = rounds_for(20)
    assert all(rounds <= one.comparisons <= rounds + 1 for one in held.places())
    assert 20 * rounds / 2 <= held.comparisons <= 20 * rounds / 2 + 2
    assert held.rounds == rounds
    assert len(set(judge.asked)) == len(judge.asked) == 2 * held.comparisons
    assert {(b, a) for a, b in judge.asked} == set(judge.asked)
    assert [(one.first, one.second) for one in verdicts] == judge.asked
    assert all(one.winner == min(one.first, one.second) and 1 <= one.round <= rounds for one in verdicts)
    assert verdicts[0].reason == "because" and verdicts[0].model == "openai:x"


@pytest.mark.parametrize(("count", "matches"), [(0, 0), (1, 0), (2, 1), (3, 3), (4, 6)])
async def test_few_ideas_meet_each_other_once(count: int, matches: int) -> None:
    held = await played(tournament(Judge(lower)), count)
    assert held.comparisons == matches
    assert order(held) == list(range(1, count + 1))


async def test_ideas_meet_while_others_are_still_expected() -> None:
    judge = Judge(lower)
    held = tournament(judge)
    held.expect(6)
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(held.play())
        settled = group.create_task(held.settled())
        held.enter(1, idea(1))
        held.enter(2, idea(2))
        while len(judge.asked) < 2:
            await asyncio.sleep(0)
        for number in (3, 4, 5):
            held.enter(number, idea(number))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not settled.done(), "one is still expected"
        held.miss()
        await asyncio.wait_for(settled, 30)
        playing.cancel()
    assert order(held) == [1, 2, 3, 4, 5]


async def test_a_withdrawn_idea_leaves_no_trace_in_the_order() -> None:
    held = await played(tournament(Judge(lambda a, b: a == 9 or (b != 9 and a < b))), 12)
    assert order(held)[0] == 9
    held.withdraw(9)
    held.withdraw(77)
    held.enter(13, idea(13))
    await played(held)
    assert sorted(order(held)) == [*range(1, 9), 10, 11, 12, 13]
    assert rank_correlation(order(held)) > 0.9
    rounds = rounds_for(12)
    assert all(one.comparisons >= rounds for one in held.places()), "others have matches in place of those"
    with pytest.raises(ValueError, match="entered already"):
        held.enter(9, idea(9))


async def test_an_idea_may_be_withdrawn_while_it_is_judged() -> None:
    def decide(first: int, second: int) -> bool:
        held.withdraw(1)
        return first < second

    held = tournament(Judge(decide))
    await played(held, 3)
    assert order(held) == [2, 3]
    assert held.comparisons == 1


async def test_later_generations_are_on_the_scale_of_the_first() -> None:
    """The second generation holds the better half; without matches across, both would have the same mean."""
    judge = Judge(lower)
    held = tournament(judge)
    held.expect(12)
    for number in range(101, 113):
        held.enter(number, idea(number))
    await played(held)
    before = len(judge.asked)
    held.expect(12, generation=1)
    for number in range(1, 13):
        held.enter(number, idea(number), generation=1)
    await played(held)
    across = [pair for pair in judge.asked[before:] if (pair[0] > 100) != (pair[1] > 100)]
    for number in range(1, 13):
        matches = sum(number in pair for pair in judge.asked[before:])
        assert 3 * sum(number in pair for pair in across) >= matches - 4  # both orders of one match are two
    assert not [pair for pair in judge.asked[before:] if min(pair) > 100], "the earlier ones have had their rounds"
    newer, older = held.mean_rating(range(1, 13)), held.mean_rating(range(101, 113))
    assert newer is not None and older is not None
    assert newer[1] > older[2]
    over = held.preferred(range(1, 13), range(101, 113))
    assert over is not None and over.low > 0.6


async def test_the_share_knows_only_who_takes_part() -> None:
    held = await played(tournament(Judge(lower)), 6)
    assert held.preferred([1, 2, 99], [5, 6]) == held.preferred([1, 2], [5, 6])
    assert held.preferred([99], [5, 6]) is None
    assert held.mean_rating([]) is None


async def test_a_judge_that_fails_holds_nobody_up() -> None:
    def fail(first: int, second: int) -> bool:
        raise [RetryableModelError("HTTP 500"), DeadlineExceeded("no answer")][first % 2]

    broken, verdicts = Judge(fail, "judge 1"), list[Verdict]()
    held = await played(tournament(broken, Judge(lower, "judge 2"), verdicts=verdicts), 10)
    assert rank_correlation(order(held)) > 0.9
    first, second = held.reports()
    assert (first.pairs, first.failed, first.at_chance) == (0, 2 * held.comparisons, True)
    assert (second.pairs, second.agreed, second.failed) == (held.comparisons, held.comparisons, 0)
    assert {one.winner for one in verdicts if one.judge == "judge 1"} == {None}
    assert any("HTTP 500" in one.reason for one in verdicts)
    assert GIVEN_UP_AFTER <= len(broken.asked) < held.comparisons, "it is given up at last"


async def test_a_judge_that_hangs_is_left_after_its_deadline() -> None:
    class Hanging(Judge):
        async def compare(self, first: Idea, second: Idea) -> Preference:
            return await asyncio.Event().wait()  # type: ignore[return-value]

    verdicts: list[Verdict] = []
    held = await played(tournament(Hanging(lower), verdicts=verdicts, deadline=0.01), 4)
    assert held.comparisons == 0
    assert len(verdicts) == 12 and "0.01 s" in verdicts[0].reason
    assert order(held) == [1, 2, 3, 4], "everyone has a place all the same"
    assert {round(one.rating) for one in held.places()} == {1500}
    assert all(one.low < 1100 and one.high > 1900 for one in held.places())


async def test_no_preference_is_no_verdict() -> None:
    held = await played(tournament(Judge(lambda first, second: None)), 3)
    assert held.reports()[0].failed == 6
    assert held.comparisons == 0


async def test_a_judge_at_odds_with_itself_contributes_one_each_way() -> None:
    held = await played(tournament(Judge(lambda first, second: True)), 12)
    assert {round(one.rating) for one in held.places()} == {1500}
    assert all(one.wins == one.comparisons / 2 for one in held.places())
    assert order(held) == list(range(1, 13)), "of equals the lower number goes first"
    report = held.reports()[0]
    assert (report.agreed, report.first_preferred, report.at_chance) == (0, 2 * report.pairs, True)
    assert "preferred the idea shown first in" in chance_note([report])


@pytest.mark.parametrize("seed", range(4))
async def test_a_coin_is_at_chance_and_said_to_be(seed: int) -> None:
    held = await played(tournament(Judge(coin(seed))), 16)
    report = held.reports()[0]
    assert report.at_chance
    note = chance_note([report])
    text = rf"the judge openai:x agreed with itself on {report.agreed} of {report.pairs} pairs shown in both orders, "
    assert re.match(text + "which a coin would too.*: this order means nothing$", note)


async def test_the_ledger_failing_ends_the_play() -> None:
    def full(verdict: Verdict) -> None:
        raise OSError("disk full")

    held = Tournament([Judge(lower)], seed=1, on_verdict=full)
    held.enter(1, idea(1))
    held.enter(2, idea(2))
    with pytest.raises(BaseExceptionGroup) as raised:
        await held.play()
    assert raised.value.subgroup(OSError) is not None


async def test_progress_is_told_and_ends_at_the_plan() -> None:
    told: list[tuple[int, int]] = []
    held = await played(tournament(Judge(lower), on_progress=lambda *counts: told.append(counts)), 9)
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][0] == told[-1][1] == held.comparisons


async def test_matches_are_bounded() -> None:
    under_way = most = 0

    class Counting(Judge):
        async def compare(self, first: Idea, second: Idea) -> Preference:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await super().compare(first, second)
            finally:
                under_way -= 1

    await played(tournament(Counting(lower), at_once=3), 30)
    assert most == 6, "three matches, each in both orders"


def test_a_tournament_needs_a_judge() -> None:
    with pytest.raises(ValueError, match="needs a judge"):
        tournament()


def test_wilson() -> None:
    assert wilson_low(0, 0) == 0
    assert wilson_low(10, 10) == pytest.approx(0.7225, abs=1e-4)
    assert wilson_low(15, 20) == pytest.approx(0.5313, abs=1e-4)


@pytest.mark.parametrize(
    ("agreed", "pairs", "at_chance"), [(3, 3, True), (4, 4, False), (11, 20, True), (18, 20, False)]
)
def test_at_chance(agreed: int, pairs: int, at_chance: bool) -> None:
    assert report_on("judge", "m", pairs, agreed, pairs, 0).at_chance is at_chance


def test_the_note_names_each_doubtful_judge_and_no_other() -> None:
    good, bad = report_on("judge 1", "a", 20, 18, 20, 0), report_on("judge 2", "b", 20, 11, 21, 0)
    few, none = report_on("judge 3", "c\x1b[31m", 2, 2, 2, 0), report_on("judge 4", "d", 0, 0, 0, 9)
    assert chance_note([]) == chance_note([good]) == ""
    assert chance_note([good, bad]) == (
        "judge 2 (b) agreed with itself on 11 of 20 pairs shown in both orders, which a coin would too: "
        "this order means less for that"
    )
    note = chance_note([few, none])
    assert "judge 3 (c) saw only 2 pairs in both orders, too few to tell it from a coin" in note
    assert "judge 4 (d) gave no pair of verdicts" in note and note.endswith("this order means nothing")


# Going on with one that ended before its time


def pairs_of(verdicts: list[Verdict]) -> list[tuple[int, int]]:
    return [(one.first, one.second) for one in verdicts]


async def test_verdicts_that_were_given_are_not_asked_for_again() -> None:
    verdicts: list[Verdict] = []
    before = await played(tournament(Judge(lower), verdicts=verdicts), 12)
    again, fresh = Judge(lower), list[Verdict]()
    after = await played(tournament(again, verdicts=fresh, again=pairs_of(verdicts), known=verdicts), 12)
    assert again.asked == [] and fresh == []
    assert after.places() == before.places()
    assert after.reports() == before.reports()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_what_is_missing_is_asked_for(share: float) -> None:
    verdicts: list[Verdict] = []
    await played(tournament(Judge(lower), verdicts=verdicts), 12)
    known = verdicts[: int(len(verdicts) * share)]
    judge, fresh = Judge(lower), list[Verdict]()
    held = await played(tournament(judge, verdicts=fresh, again=pairs_of(known), known=known), 12)
    assert not set(judge.asked) & set(pairs_of(known))
    assert len(judge.asked) == len(set(judge.asked)) == len(fresh)
    assert order(held) == list(range(1, 13)) or len(known) + len(fresh) >= len(verdicts)


async def test_a_comparison_that_came_to_nothing_is_made_again() -> None:
    verdicts: list[Verdict] = []
    await played(tournament(Judge(lambda first, second: None), verdicts=verdicts), 4)
    judge = Judge(lower)
    held = await played(tournament(judge, again=pairs_of(verdicts), known=verdicts), 4)
    assert order(held) == [1, 2, 3, 4]
    assert len(judge.asked) == 12


async def test_a_tournament_that_is_played_again_has_no_other_matches() -> None:
    judge = Judge(lower)
    held = await played(tournament(judge, again=[(3, 1), (1, 3), (2, 3)], only_again=True), 6)
    assert sorted(judge.asked) == [(1, 3), (2, 3), (3, 1), (3, 2)]
    assert held.comparisons == 2


async def test_whoever_was_withdrawn_is_not_waited_for() -> None:
    judge = Judge(lower)
    held = tournament(judge, again=[(1, 2), (2, 3)], only_again=True)
    for number in (1, 2, 3):
        held.enter(number, idea(number))
    held.withdraw(1)
    await played(held)
    assert sorted(judge.asked) == [(2, 3), (3, 2)]
