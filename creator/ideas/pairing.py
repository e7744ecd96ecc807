"""Who meets whom: a Swiss tournament without common rounds, so that ideas can meet while others are still to come.

In a Swiss tournament everyone plays the same few rounds, always against somebody of about the same score whom it has
not met. Here an idea goes on as soon as somebody fitting is free.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

WILD_GAP: Final = 0.4
"""Scores that are further apart don't meet as long as waiting may bring somebody nearer."""
EARLIER_EVERY: Final = 3
"""One match in so many of a newcomer is against an idea of an earlier generation, so that all are on one scale."""

_NEAR: Final = 0.1
"""Scores within the same tenth of a gap are as near as each other: then who has met fewer goes first."""


@dataclass
class Entrant:
    """An idea in the tournament.

    Attributes:
        number: The idea's.
        generation: The idea's.
        lot: Drawn by chance, to break ties.
        played: Matches against ideas that still take part.
        earlier: How many of these were against ideas of an earlier generation.
        wins: Matches won; one with as many verdicts for either side counts half.
        met: Numbers of those that it has met, or is meeting.
        busy: Whether it is in a match.
    """

    number: int
    generation: int
    lot: float
    played: int = 0
    earlier: int = 0
    wins: float = 0.0
    met: set[int] = field(default_factory=set)
    busy: bool = False

    @property
    def score(self) -> float:
        """Share of matches won, as if it had won one and lost one more: little is known of who has played little."""
        return (self.wins + 1) / (self.played + 2)


def rounds_for(count: int) -> int:
    """How many matches each of so many ideas has: two more than would single out the best by halving.

    Few ideas meet everybody once.
    """
    return min(math.ceil(math.log2(count)) + 2, count - 1) if count > 1 else 0


def next_pair(
    entrants: Collection[Entrant], rounds: Mapping[int, int], *, awaited: bool
) -> tuple[Entrant, Entrant] | None:
    """The match that shall begin next.

    Whoever has had the fewest goes first, and meets the one of nearest score that it has not met yet. It waits only for
    somebody who is in a match or is still to come, so there is always a next match until everyone has had its rounds,
    or has met everybody.

    Args:
        entrants: All that take part.
        rounds: By generation: how many matches an idea has.
        awaited: Whether more ideas are to come.

    Returns:
        The one that goes first, and its opponent; None when nobody is to meet now.
    """
    free = [one for one in entrants if not one.busy]
    seekers = sorted((one for one in free if _wants(one, rounds)), key=lambda one: (one.played, one.lot))
    for seeker in seekers:
        opponent = _opponent(seeker, entrants, rounds, awaited)
        if opponent is not None:
            return seeker, opponent
    return None


def _wants(one: Entrant, rounds: Mapping[int, int]) -> bool:
    return one.played < rounds[one.generation]


def _opponent(seeker: Entrant, entrants: Iterable[Entrant], rounds: Mapping[int, int], awaited: bool) -> Entrant | None:
    """Who meets the seeker now; None when it has to wait, or has met everybody."""
    unmet = [one for one in entrants if one is not seeker and one.number not in seeker.met]
    if earlier := _owed(seeker, entrants):
        return _nearest(seeker, earlier)
    willing = [one for one in unmet if _wants(one, rounds)]
    fitting = (one for one in willing if one.generation > seeker.generation or not _owed(one, entrants))
    best = _nearest(seeker, fitting)
    if best is not None and abs(best.score - seeker.score) > WILD_GAP:
        nearer_may_come = awaited or any(one.busy for one in willing)
        return None if nearer_may_come else best
    if best is not None or awaited or willing:
        return best
    return _nearest(seeker, unmet)  # all others have had their rounds: one of them has a match more


def _owed(one: Entrant, entrants: Iterable[Entrant]) -> list[Entrant]:
    """Ideas of an earlier generation, of which its next match has to be against one; none when it may meet anybody."""
    if EARLIER_EVERY * one.earlier > one.played or one.generation == 0:
        return []
    return [other for other in entrants if other.generation < one.generation and other.number not in one.met]


def _nearest(seeker: Entrant, others: Iterable[Entrant]) -> Entrant | None:
    """The free one of nearest score."""
    free = (one for one in others if not one.busy)
    return min(
        free,
        key=lambda one: (int(abs(one.score - seeker.score) / _NEAR + 1e-9), one.played, one.lot),
        default=None,
    )
