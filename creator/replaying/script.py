"""The script of a run that is played again: what decided how it went, apart from what models answered.

It may come from a stranger. Whatever it holds is only ever a choice among what could have happened anyway: a name, a
number, who was asked; modules in it go through policy and sandbox like any that a model wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from creator.choices import Known
from creator.wishes import Wish


@dataclass(frozen=True)
class Script:
    """What a run is played again from.

    Attributes:
        run_id: Of the run that is played.
        wishes: Who is born, of all generations, each with the name that it had and the try at which it succeeded.
        choice: Gives what was decided for whom.
        pairs: Numbers of ideas that were compared, in order.
        places: By conversation: the number of the idea that came of it.
        one_shots: How many one-shot ideas were asked for.
    """

    run_id: str
    wishes: Sequence[Wish]
    choice: Known
    pairs: Sequence[tuple[int, int]] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    one_shots: int = 0

    def generation(self, number: int) -> list[Wish]:
        """Who is born while a generation lives, whoever wished for it then: nobody has to wait to be asked for again.

        Births are numbered in the order in which they were decided, so that the number of one that an agent or a person
        wished for tells which generation lived then.
        """
        first = {
            generation: min(one.number for one in self.wishes if one.generation == generation and not one.asked_by)
            for generation in {one.generation for one in self.wishes if not one.asked_by}
        }

        def lived(one: Wish) -> int:
            return max((each for each, begin in first.items() if begin < one.number), default=0)

        return [one for one in self.wishes if (lived(one) if one.asked_by else one.generation) == number]

    @property
    def names(self) -> set[str]:
        """The names of all agents, which nobody else may get."""
        return {one.name for one in self.wishes if one.name is not None}
