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
class Place:
    """Where an idea stood in the run.

    Attributes:
        number: The idea's.
        before: The highest id of a text before its own.
    """

    number: int
    before: int


@dataclass(frozen=True)
class Script:
    """What a run is played again from.

    Attributes:
        run_id: Of the run that is played.
        wishes: Who is born, of all generations, each with the name that it had and the try at which it succeeded.
        choice: Gives what was decided for whom.
        pairs: Numbers of ideas that were compared, in order.
        places: By conversation: where the idea that came of it stood.
        one_shots: How many one-shot ideas were asked for.
    """

    run_id: str
    wishes: Sequence[Wish]
    choice: Known
    pairs: Sequence[tuple[int, int]] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    one_shots: int = 0

    def generation(self, number: int) -> list[Wish]:
        """Who was wished for at the beginning of a generation; whoever agents asked for comes when they ask again."""
        return [one for one in self.wishes if one.generation == number and not one.from_agent]

    def wish(self, number: int) -> Wish | None:
        """The wish of a birth; None when there was none of this number."""
        return next((one for one in self.wishes if one.number == number), None)
