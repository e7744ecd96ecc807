"""Near-duplicates: ideas that say nearly the same as another are listed under the best of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from creator.ideas.likeness import Likeness, idea_text
from sandbox.protocol import Idea


@dataclass(frozen=True)
class Placement:
    """Where an idea went.

    Attributes:
        number: Of the idea.
        under: The number of the idea that it is listed under; None when it stands for itself.
        replaces: The number of the idea whose place it took; that one is listed under it now.
    """

    number: int
    under: int | None = None
    replaces: int | None = None


@dataclass
class _Member:
    """An idea, with the sum of its likenesses to those that it was compared with."""

    text: str
    marks: int
    parts: int
    alike: float = 0.0
    compared: int = 0


class Groups:
    """Ideas in groups of those that are nearly the same, each with its best.

    Args:
        likeness: Compares two ideas.
        threshold: The likeness from which they are nearly the same; None for the one that suits ``likeness``.
    """

    def __init__(self, likeness: Likeness, threshold: float | None = None) -> None:
        self.under: dict[int, int] = {}
        """By number: the best of its group, for ideas that are not the best themselves."""
        self._likeness = likeness
        self._threshold = threshold
        self._members: dict[int, _Member] = {}
        self._lock = asyncio.Lock()

    async def add(self, idea_number: int, idea: Idea, weak: Sequence[str] = ()) -> Placement:
        """Put an idea under the one that says nearly the same, or in that one's place, or in a group of its own.

        It takes the place of a group's best if plain checks found less wrong with it, or as much and it is more
        complete. Ideas that are added at the same time go one after the other.

        Args:
            idea_number: Its number.
            idea: Its final text.
            weak: What plain checks found wrong with it.

        Raises:
            ValueError: An idea of that number is there already.
        """
        async with self._lock:
            if idea_number in self._members:
                raise ValueError(f"idea {idea_number} is in a group already")
            bests = [number for number in self._members if number not in self.under]
            newcomer = _Member(idea_text(idea), len(weak), len(idea.parts))
            scores = await self._likeness(newcomer.text, [self._members[number].text for number in bests])
            self._members[idea_number] = newcomer
            for number, score in zip(bests, scores, strict=True):
                for member in (newcomer, self._members[number]):
                    member.alike += score
                    member.compared += 1
            threshold = self._likeness.threshold if self._threshold is None else self._threshold
            score, best = max(zip(scores, bests, strict=True), default=(-1.0, 0), key=lambda one: one[0])
            if score < threshold:
                return Placement(idea_number)
            known = self._members[best]
            if (newcomer.marks, -newcomer.parts) >= (known.marks, -known.parts):
                self.under[idea_number] = best
                return Placement(idea_number, under=best)
            self.under = {number: idea_number if over == best else over for number, over in self.under.items()}
            self.under[best] = idea_number
            return Placement(idea_number, replaces=best)

    def mean_likeness(self, number: int) -> float:
        """How alike an idea is to the others that it was compared with, on average; 0 when there were none."""
        member = self._members.get(number)
        return member.alike / member.compared if member is not None and member.compared else 0.0
