"""The order of a run's ideas: a judge's, or where none could judge, one by plain checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from creator.ideas.duplicates import Groups
from creator.outcome import IdeaOutcome, Ranking, RatedIdea

NO_JUDGE: Final = "no model was there that can judge; a ranking needs a capable model, such as --model openai:NAME"


def order_by_checks(ideas: Sequence[IdeaOutcome], groups: Groups, *, note: str = NO_JUDGE) -> Ranking:
    """The order without a judge.

    Ideas that plain checks found nothing wrong with come first, then more complete ones, then those that are less
    like the others, then earlier ones. Near-duplicates come after the idea that they are listed under.

    Args:
        ideas: All of a run, with what the checks found.
        groups: Where each of them went.
        note: What a reader has to know of this order, in one line.
    """
    under = _under(ideas, groups)
    return Ranking(by="checks", order=_listed(_by_checks(ideas, groups), under), under=under, note=note)


def ranking_with(places: Sequence[RatedIdea], ideas: Sequence[IdeaOutcome], groups: Groups, **known: Any) -> Ranking:
    """A judge's order of all ideas.

    Near-duplicates lose their own place and come after the idea that they are listed under; ideas without a place
    come last, in the order of plain checks.

    Args:
        places: What the judge's comparisons came to, best first.
        ideas: All of a run.
        groups: Where each of them went.
        known: Further fields of the ranking, such as its judges.
    """
    under = _under(ideas, groups)
    kept = [one for one in places if one.number not in under]
    ranked = [one.model_copy(update={"rank": 1 + sum(other.rank < one.rank for other in kept)}) for one in kept]
    rated = [one.number for one in kept]
    rest = [number for number in _by_checks(ideas, groups) if number not in set(rated)]
    return Ranking(by="judge", places=ranked, order=_listed([*rated, *rest], under), under=under, **known)


def _by_checks(ideas: Sequence[IdeaOutcome], groups: Groups) -> list[int]:
    def key(one: IdeaOutcome) -> tuple[int, int, float, int]:
        return len(one.weak), -len(one.final.parts), groups.mean_likeness(one.number), one.number

    return [one.number for one in sorted(ideas, key=key)]


def _under(ideas: Sequence[IdeaOutcome], groups: Groups) -> dict[int, int]:
    """Whom each near-duplicate is listed under, as far as both are among these ideas."""
    numbers = {one.number for one in ideas}
    return {number: best for number, best in groups.under.items() if {number, best} <= numbers}


def _listed(numbers: Sequence[int], under: dict[int, int]) -> list[int]:
    """The numbers in this order, those that are listed under another right after that one."""
    followers: dict[int, list[int]] = {}
    for number in numbers:
        if number in under:
            followers.setdefault(under[number], []).append(number)
    return [each for number in numbers if number not in under for each in (number, *followers.get(number, ()))]
