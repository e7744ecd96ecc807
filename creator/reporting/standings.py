"""In which order the ideas of a run are shown, and what is to be said of each place."""

from __future__ import annotations

from typing import Final

from creator.outcome import IdeaOutcome, RatedIdea, RunOutcome
from sandbox.protocol import Idea

ONE_SHOT: Final = "one-shot"


class Standings:
    """The ideas of a run in the order of its ranking, or by number when there is none.

    Nothing in a record is taken for granted: numbers that no idea has are left out, and ideas that the ranking leaves
    out come last.

    Attributes:
        outcome: The run.
        ideas: The population's ideas in order, near-duplicates after the idea that they are listed under.
        one_shot: The ideas of the baseline in order.
        everything: Both in one order.
        judged: Whether a judge's preference made the order.
    """

    def __init__(self, outcome: RunOutcome) -> None:
        known = {idea.number: idea for idea in (*outcome.one_shot, *outcome.ideas)}
        ranking = outcome.ranking
        by_number = [idea.number for idea in (*outcome.ideas, *outcome.one_shot)]
        order = dict.fromkeys([*(ranking.order if ranking else ()), *by_number])
        self.outcome = outcome
        self.everything = [known[number] for number in order if number in known]
        self.ideas = [idea for idea in self.everything if idea.source != ONE_SHOT]
        self.one_shot = [idea for idea in self.everything if idea.source == ONE_SHOT]
        self.judged = ranking is not None and ranking.by == "judge"
        self._places = {place.number: place for place in ranking.places} if ranking and self.judged else {}
        under = {number: best for number, best in (ranking.under if ranking else {}).items() if best in known}
        found = {idea.number: _first_of(idea.number, under) for idea in self.everything}
        self._above = {number: best for number, best in found.items() if best != number}
        self._below: dict[int, list[int]] = {}
        for idea in self.everything:
            if idea.number in self._above:
                self._below.setdefault(self._above[idea.number], []).append(idea.number)

    def place(self, number: int) -> RatedIdea | None:
        """Where a judge's preference puts an idea; None when no judge compared it."""
        return self._places.get(number)

    def above(self, number: int) -> int | None:
        """The idea that a near-duplicate is listed under."""
        return self._above.get(number)

    def below(self, number: int) -> list[int]:
        """The near-duplicates of an idea that are listed under it, in order."""
        return self._below.get(number, [])

    def marks(self, idea: IdeaOutcome) -> list[str]:
        """What a list says of an idea: ``like 4`` for a near-duplicate of idea 4, ``weak`` by plain checks."""
        above = self.above(idea.number)
        return [*([f"like {above}"] if above is not None else []), *(["weak"] if idea.weak else [])]

    def parts(self, idea: Idea) -> dict[str, str]:
        """The parts of an idea that say something, in the order of the run's form of an idea."""
        places = {name: place for place, name in enumerate(self.outcome.idea_fields)}
        parts = idea.parts
        return {name: parts[name] for name in sorted(parts, key=lambda name: places.get(name, len(places)))}


def _first_of(number: int, under: dict[int, int]) -> int:
    """The idea that another is listed under in the end; itself when it stands alone, or the record goes in a circle."""
    passed = {number}
    best = number
    while best in under:
        best = under[best]
        if best in passed:
            return number
        passed.add(best)
    return best


def rating_in_short(place: RatedIdea) -> str:
    """A rating with half the width of its interval: ``1,612 ±70``."""
    return f"{place.rating:,.0f} ±{(place.high - place.low) / 2:.0f}"


def rating_in_words(place: RatedIdea) -> str:
    """A rating with its interval: ``1,612 (95 % interval 1,542 to 1,688)``."""
    return f"{place.rating:,.0f} (95 % interval {place.low:,.0f} to {place.high:,.0f})"


def wins_in_words(place: RatedIdea) -> str:
    """How many comparisons it won: ``preferred in 5.5 of 8 comparisons``."""
    return f"preferred in {place.wins:g} of {place.comparisons:,} comparisons"
