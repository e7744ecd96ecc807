"""The tournament: judges compare ideas pair by pair, while others are still being born, and an order comes of it.

What it finds is the judges' preference, and nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from creator.ideas.judging import Judging, Seat, Verdict
from creator.ideas.pairing import Entrant, next_pair, rounds_for
from creator.outcome import JudgeReport, Preferred, RatedIdea
from sandbox.protocol import Idea

if TYPE_CHECKING:
    from creator.ideas.rating import Ratings

AT_ONCE: Final = 16
"""Matches side by side: more would wait for the model with their deadlines running."""
DEADLINE: Final = 300.0


@dataclass(frozen=True)
class _Match:
    """One that was played: whose it was, and how many verdicts preferred either."""

    round: int
    first: Entrant
    second: Entrant
    won: int
    lost: int

    @property
    def wins(self) -> float:
        """What the first gets of it; one half when there are as many verdicts for either, or none."""
        return 0.5 if self.won == self.lost else float(self.won > self.lost)

    def count(self, sign: int) -> None:
        """Count it for both of its ideas, or no longer."""
        for one, other, wins in ((self.first, self.second, self.wins), (self.second, self.first, 1 - self.wins)):
            one.played += sign
            one.wins += sign * wins
            one.earlier += sign * (other.generation < one.generation)


def _in_order(one: int, other: int) -> tuple[int, int]:
    """A pair as it is known by: which of them was looking for an opponent makes no difference."""
    return min(one, other), max(one, other)


class Tournament:
    """An order of ideas by the preference of judges.

    Ideas are entered as they come, and meet side by side in `play`. Each judge sees each pair in both orders, and each
    of its verdicts is one data point. A comparison without a verdict says nothing, but its match counts as played.

    Args:
        judges: The panel.
        seed: For the pairing of equals, and for the intervals.
        on_verdict: Called with each verdict, also with a missing one; what it raises ends `play`.
        on_progress: Called with the matches that were played, and with how many there will be as far as is known.
        at_once: How many matches go on at the same time.
        deadline: Seconds for one comparison.
        again: Numbers of pairs of ideas that met in an earlier life of the run: they meet before all others.
        known: Verdicts that were given then: nobody is asked for them again.
        only_again: Whether nobody else meets, as in a run that is played again; every judge is asked about all of them.

    Raises:
        ValueError: There is no judge.
    """

    def __init__(
        self,
        judges: Sequence[Judging],
        *,
        seed: int,
        on_verdict: Callable[[Verdict], None],
        on_progress: Callable[[int, int], None] = lambda played, planned: None,
        at_once: int = AT_ONCE,
        deadline: float = DEADLINE,
        again: Iterable[tuple[int, int]] = (),
        known: Iterable[Verdict] = (),
        only_again: bool = False,
    ) -> None:
        if not judges:
            raise ValueError("a tournament needs a judge")
        self._known = {(one.judge, one.first, one.second): one for one in known if one.winner is not None}
        self._again = list(dict.fromkeys(_in_order(*pair) for pair in again))
        """Pairs that met before, and have not met here yet."""
        self._only_again = only_again
        self._seats = [Seat(judge, deadline, patient=only_again) for judge in judges]
        self._seed = seed
        self._random = random.Random(seed)
        self._on_verdict = on_verdict
        self._on_progress = on_progress
        self._at_once = at_once
        self._ideas: dict[int, Idea] = {}
        """Those that were withdrawn included: they may be in a match."""
        self._entrants: dict[int, Entrant] = {}
        self._matches: list[_Match] = []
        self._playing = 0
        self._expected = 0
        self._newest = 0
        self._news = asyncio.Event()
        self._ratings: Ratings | None = None

    # Who takes part

    def expect(self, count: int, *, generation: int = 0) -> None:
        """So many more ideas are to come.

        Args:
            count: How many.
            generation: Whose; how many rounds earlier ones have does not depend on them.
        """
        self._expected += count
        self._newest = max(self._newest, generation)
        self._tell()

    def enter(self, number: int, idea: Idea, *, generation: int = 0) -> None:
        """An idea has come, whether it was expected or not.

        Args:
            number: Its number, which no other has or had.
            idea: What the judges see.
            generation: Of its author; it meets ideas of earlier generations too, so that all are on one scale.

        Raises:
            ValueError: The number is taken.
        """
        if number in self._ideas:
            raise ValueError(f"idea {number} has been entered already")
        self._ideas[number] = idea
        self._entrants[number] = Entrant(number, generation, self._random.random())
        self._newest = max(self._newest, generation)
        self.miss()

    def miss(self) -> None:
        """One of the ideas that were expected is expected no longer: it failed, or is a near-duplicate."""
        self._expected = max(0, self._expected - 1)
        self._tell()

    def expect_nobody(self) -> None:
        """No other idea is to come, whatever was expected."""
        self._expected = 0
        self._tell()

    def withdraw(self, number: int) -> None:
        """An idea takes part no longer, as a better near-duplicate replaces it: its matches do not count any more.

        Those that it met have further matches instead. No error when it does not take part.
        """
        if self._entrants.pop(number, None) is None:
            return
        kept = []
        for match in self._matches:
            if self._takes_part(match.first, match.second):
                kept.append(match)
            else:
                match.count(-1)
        self._matches = kept
        self._tell()

    # Playing

    async def play(self) -> None:
        """Let ideas meet as they come, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                news = self._news  # before looking: what happens from here on wakes us
                await self._meet_again(group)
                while self._playing < self._at_once and (pair := self._next_pair()) is not None:
                    pair = self._bring_together(*pair)
                    group.create_task(self._meet(*pair))
                await news.wait()

    def _bring_together(self, one: Entrant, other: Entrant) -> tuple[Entrant, Entrant]:
        first, second = (self._entrants[number] for number in _in_order(one.number, other.number))
        first.met.add(second.number)
        second.met.add(first.number)
        first.busy = second.busy = True
        self._playing += 1
        return first, second

    async def _meet_again(self, group: asyncio.TaskGroup) -> None:
        """Let those meet that met before, as far as they are here."""
        waiting = []
        for pair in self._again:
            here = [self._entrants[number] for number in pair if number in self._entrants]
            if len(here) < 2:
                if not all(number in self._ideas for number in pair):
                    waiting.append(pair)  # one of them is still to come; who was withdrawn is not
                continue
            if any(one.busy for one in here):
                waiting.append(pair)
                continue
            here = [*self._bring_together(*here)]
            if all(self._knows(seat, *pair) for seat in self._seats):
                await self._meet(*here)
            else:
                group.create_task(self._meet(*here))
        self._again = waiting

    def _knows(self, seat: Seat, first: int, second: int) -> bool:
        """Whether a judge's verdicts on a pair are known in both orders."""
        return (seat.name, first, second) in self._known and (seat.name, second, first) in self._known

    async def settled(self) -> None:
        """Wait until nobody is expected any more, and everyone has had its rounds; `play` has to be under way."""
        while True:
            news = self._news
            if not self._expected and not self._playing and not self._due() and self._next_pair() is None:
                return
            await news.wait()

    def _due(self) -> bool:
        """Whether a pair that met before can meet now."""
        return any(all(number in self._entrants for number in pair) for pair in self._again)

    def _next_pair(self) -> tuple[Entrant, Entrant] | None:
        if self._only_again or self._due():
            return None
        return next_pair(self._entrants.values(), self._rounds(), awaited=self._expected > 0)

    def _rounds(self) -> dict[int, int]:
        """How many matches each idea has, by generation: by how many there are up to it, those to come included."""
        generations = [one.generation for one in self._entrants.values()]
        return {
            generation: rounds_for(
                sum(one <= generation for one in generations) + (self._expected if generation >= self._newest else 0)
            )
            for generation in set(generations)
        }

    async def _meet(self, first: Entrant, second: Entrant) -> None:
        round = 1 + min(first.played, second.played)
        try:
            async with asyncio.TaskGroup() as group:
                pair = first.number, second.number
                tasks = [group.create_task(self._ask(seat, round, *pair)) for seat in self._seats]
            winners = [one.winner for task in tasks for one in task.result()]
            if self._takes_part(first, second):
                match = _Match(round, first, second, *map(winners.count, pair))
                match.count(1)
                self._matches.append(match)
        finally:
            first.busy = second.busy = False
            self._playing -= 1
            self._tell()
        rounds = self._rounds()
        wanted = sum(max(one.played, rounds[one.generation]) for one in self._entrants.values())
        self._on_progress(len(self._matches), (wanted + 1) // 2)

    async def _ask(self, seat: Seat, round: int, first: int, second: int) -> list[Verdict]:
        """What one judge says to a pair, in both orders."""

        async def ask(one: int, other: int) -> Verdict:
            if (known := self._known.get((seat.name, one, other))) is not None:
                return known
            verdict = await seat.verdict(round, (one, self._ideas[one]), (other, self._ideas[other]))
            self._on_verdict(verdict)
            return verdict

        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(ask(first, second)), group.create_task(ask(second, first))
        verdicts = [task.result() for task in tasks]
        seat.count(*verdicts)
        return verdicts

    def _takes_part(self, *entrants: Entrant) -> bool:
        return all(one.number in self._entrants for one in entrants)

    def _tell(self) -> None:
        """Something changed: whoever waits looks again, and ratings are worked out anew when they are wanted."""
        self._ratings = None
        self._news.set()
        self._news = asyncio.Event()

    # What came of it

    @property
    def rounds(self) -> int:
        """The latest round that a match was played of."""
        return max((match.round for match in self._matches), default=0)

    @property
    def comparisons(self) -> int:
        """Pairs of ideas that some judge gave a verdict on."""
        return sum(match.won + match.lost > 0 for match in self._matches)

    def places(self) -> list[RatedIdea]:
        """The ideas that take part, the preferred ones first; of equal ratings the lower number goes first.

        The first call after a match does the fit, which takes seconds with a thousand ideas: a thread may do it. An
        idea that nobody compared gets the mean rating, and an interval of up to some 700 points either way.
        """
        ratings = self._fit()
        estimates = {number: ratings.rating(number) for number in self._entrants}
        wins, played = dict.fromkeys(estimates, 0.0), dict.fromkeys(estimates, 0)
        for match in self._matches:
            if match.won + match.lost > 0:
                for one, share in ((match.first, match.wins), (match.second, 1 - match.wins)):
                    wins[one.number] += share
                    played[one.number] += 1
        order = sorted(estimates, key=lambda number: (-estimates[number].value, number))
        return [
            RatedIdea(
                number=number,
                rank=rank,
                rating=estimates[number].value,
                low=estimates[number].low,
                high=estimates[number].high,
                wins=wins[number],
                comparisons=played[number],
            )
            for rank, number in enumerate(order, 1)
        ]

    def reports(self) -> list[JudgeReport]:
        """How far each judge agrees with itself; its verdicts on ideas that were withdrawn count too."""
        return [seat.report for seat in self._seats]

    def preferred(self, ours: Collection[int], theirs: Collection[int]) -> Preferred | None:
        """How likely the judges prefer a random idea of ours to a random one of theirs.

        Args:
            ours: Numbers; those that don't take part are passed over.
            theirs: The same.

        Returns:
            The mean over all pairs; None when no idea of one side takes part.
        """
        left, right = self._present(ours), self._present(theirs)
        if not left or not right:
            return None
        estimate = self._fit().preferred(left, right)
        return Preferred(share=estimate.value, low=estimate.low, high=estimate.high)

    def mean_rating(self, numbers: Collection[int]) -> tuple[float, float, float] | None:
        """The mean rating of some ideas by number, and its 95 % interval; None when none of them takes part."""
        present = self._present(numbers)
        return self._fit().mean(present) if present else None

    def _present(self, numbers: Iterable[int]) -> list[int]:
        return [number for number in numbers if number in self._entrants]

    def _fit(self) -> Ratings:
        if self._ratings is None:
            from creator.ideas.rating import Ratings, Result  # numpy and scipy take half a second to import

            # Sorted: which match ended first must make no difference, down to the bootstrap's draws.
            matches = sorted(self._matches, key=lambda one: (one.first.number, one.second.number))
            results = [Result(one.first.number, one.second.number, one.won, one.lost) for one in matches]
            self._ratings = Ratings(sorted(self._entrants), results, seed=self._seed)
        return self._ratings
