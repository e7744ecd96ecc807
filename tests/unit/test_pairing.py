"""Who meets whom."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.ideas.pairing import WILD_GAP, Entrant, next_pair, rounds_for


@pytest.mark.parametrize(
    ("count", "rounds"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (20, 7), (64, 8), (1000, 12)]
)
def test_rounds(count: int, rounds: int) -> None:
    assert rounds_for(count) == rounds


def entrant(number: int, played: int = 0, wins: float = 0, **more: object) -> Entrant:
    return Entrant(number, **{"generation": 0, "lot": number / 100, "played": played, "wins": wins, **more})  # type: ignore[arg-type]


def numbers(pair: tuple[Entrant, Entrant] | None) -> tuple[int, int] | None:
    return None if pair is None else (pair[0].number, pair[1].number)


def test_whoever_has_met_the_fewest_meets_the_nearest_score() -> None:
    ideas = [entrant(1, 3, 3), entrant(2, 2, 1), entrant(3, 3, 1.5), entrant(4, 3, 0)]
    assert numbers(next_pair(ideas, {0: 5}, awaited=False)) == (2, 3)


def test_nobody_meets_twice_or_while_it_is_in_a_match() -> None:
    ideas = [entrant(1, met={2}), entrant(2, met={1}), entrant(3, busy=True)]
    assert next_pair(ideas, {0: 2}, awaited=False) is None
    ideas[2].busy = False
    assert numbers(next_pair(ideas, {0: 2}, awaited=False)) == (1, 3)


def test_unequal_ones_wait_while_somebody_nearer_may_come() -> None:
    best, worst = entrant(1, 3, 3), entrant(2, 3, 0)
    assert best.score - worst.score > WILD_GAP
    assert next_pair([best, worst], {0: 5}, awaited=True) is None
    assert numbers(next_pair([best, worst], {0: 5}, awaited=False)) == (1, 2)
    playing = entrant(3, 3, 2, busy=True)
    assert next_pair([best, worst, playing], {0: 5}, awaited=False) is None, "it will be free soon"
    newcomer = entrant(4)
    assert numbers(next_pair([best, worst, newcomer], {0: 5}, awaited=True)) == (4, 1)


def test_the_last_one_meets_somebody_who_has_had_its_rounds() -> None:
    last, done = entrant(1, 2, 1, met={9}), entrant(2, 3, 1)
    assert next_pair([last, done], {0: 3}, awaited=True) is None
    assert numbers(next_pair([last, done], {0: 3}, awaited=False)) == (1, 2)
    last.met.add(2)
    assert next_pair([last, done], {0: 3}, awaited=False) is None


def test_newcomers_are_anchored_first_and_every_third_time() -> None:
    earlier = [entrant(n, 5, n % 3 + 1) for n in range(5)]
    me, others = entrant(10, generation=1), [entrant(11 + n, generation=1, earlier=5) for n in range(5)]
    against = []
    for _ in range(7):
        pair = next_pair([*earlier, me, *others], {0: 5, 1: 7}, awaited=False)
        assert pair is not None and pair[0] is me
        other = pair[1]
        against.append(other.generation)
        me.met.add(other.number)
        me.earlier += other.generation == 0
        me.played += 1
        for one in others:
            one.played = me.played  # so that it is the first one's turn again
    assert against[0] == against[3] == against[6] == 0


def play(arrivals: list[int], dice: random.Random, missing: int) -> Iterator[tuple[Entrant, Entrant, list[Entrant]]]:
    """A tournament in which ideas come, and matches end, in any order; gives every match as it begins."""
    to_come = [*arrivals, *[-1] * missing]
    entrants: list[Entrant] = []
    playing: list[tuple[Entrant, Entrant]] = []

    def rounds() -> dict[int, int]:
        newest = max(arrivals)
        return {
            g: rounds_for(sum(one.generation <= g for one in entrants) + (len(to_come) if g >= newest else 0))
            for g in {one.generation for one in entrants}
        }

    while True:
        pair = next_pair(entrants, rounds(), awaited=bool(to_come))
        if pair is not None and dice.random() < 0.7:
            first, second = pair
            assert not first.busy and not second.busy
            first.busy = second.busy = True
            first.met.add(second.number)
            second.met.add(first.number)
            playing.append(pair)
            yield first, second, entrants
        elif to_come and (not playing or dice.random() < 0.3):
            generation = to_come.pop(0)
            if generation >= 0:
                entrants.append(Entrant(len(entrants), generation, dice.random()))
        elif playing:
            first, second = playing.pop(dice.randrange(len(playing)))
            won = dice.choice([0, 0.5, 1])
            for one, other, wins in ((first, second, won), (second, first, 1 - won)):
                one.busy = False
                one.played += 1
                one.wins += wins
                one.earlier += other.generation < one.generation
        elif pair is None:
            break
    assert all(one.played >= min(rounds()[one.generation], len(entrants) - 1) for one in entrants)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=24).map(sorted), st.integers(0, 2**32), st.integers(0, 3))
def test_everyone_has_its_rounds_and_nobody_meets_twice(arrivals: list[int], seed: int, missing: int) -> None:
    met, own = set(), Counter[int]()
    entrants: list[Entrant] = []
    for first, second, entrants in play(arrivals, random.Random(seed), missing):  # noqa: B007
        assert frozenset((first.number, second.number)) not in met
        met.add(frozenset((first.number, second.number)))
        for one, other in ((first, second), (second, first)):
            own[one.number] += other.generation <= one.generation
    # One of each pair wanted the match, so there are never more than everyone's rounds.
    assert len(met) <= sum(rounds_for(len(arrivals) + missing) for _ in entrants)
    for one in entrants:
        earlier = sum(other.generation < one.generation for other in entrants)
        assert one.earlier >= min(own[one.number] // 3, earlier)
