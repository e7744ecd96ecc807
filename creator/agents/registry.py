"""The registry: who is live. Names of colleagues come from here, never from file names."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Container, Mapping
from typing import Any, Final

from autogen_core import MessageContext, RoutedAgent, message_handler
from rapidfuzz import fuzz, process

from creator.choices import Choices
from creator.runtime import Admission
from sandbox.protocol import TRIAL_PEER, Colleague, ColleagueRequest, Introduction

SETTLE_SECONDS: Final = 5.0
"""How long a request may wait for the population to be born, so that the first ones choose among many."""

ARRIVAL_SECONDS: Final = 60.0
"""How long a request waits, in a run that is played again, for the colleague that it was given then."""

COMPARED: Final = 50
"""How many colleagues are compared with the asker; a thousand would cost time at each request."""
COMPARED_BY_SKILL: Final = 200
"""How many colleagues' skills are compared with a wanted one."""
MAX_WORDS: Final = 400
"""Characters of what an agent says of its work, as they are compared."""
LIKE: Final = 55.0
"""How like a skill has to be to the wanted one to count, from 0 (nothing in common) to 100."""


class Population:
    """The live agents of a run.

    Args:
        seed: For the choice among colleagues.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self._live: dict[str, Introduction] = {}
        self._awaited: dict[str, asyncio.Event] = {}
        self._missed: set[str] = set()
        self.settled = asyncio.Event()
        """Set once nobody is being born any more."""

    def announce(self, introduction: Introduction) -> None:
        """Count an agent as live."""
        self._live[introduction.name] = introduction
        self._missed.discard(introduction.name)
        self._wake(introduction.name)

    def miss(self, name: str) -> None:
        """Nobody needs to wait for an agent of this name: it is not coming."""
        self._missed.add(name)
        self._wake(name)

    def _wake(self, name: str) -> None:
        if (awaited := self._awaited.pop(name, None)) is not None:
            awaited.set()

    def remove(self, name: str) -> None:
        """Forget an agent that died; no error when it was not there."""
        self._live.pop(name, None)
        self.miss(name)

    async def arrival(self, name: str) -> None:
        """Wait until an agent of this name is live, or is known not to come."""
        if name not in self._live and name not in self._missed:
            await self._awaited.setdefault(name, asyncio.Event()).wait()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, name: object) -> bool:
        return name in self._live

    def choose(
        self, request: ColleagueRequest, asker: str, chain: tuple[str, ...], conversation: str = ""
    ) -> Colleague:
        """A colleague for ``asker`` that is in no way part of ``chain``; its name is None when there is none.

        For a different sector it is one of those that are the least like the asker in the words of their sector and
        skills, and for a skill the one with the skill that is most like it; among equals chance decides, in the same
        way for the same asker at the same place of the same conversation.
        """
        others = [who for name, who in sorted(self._live.items()) if name != asker and name not in chain]
        if not others:
            return Colleague(name=None)
        place = f"{asker}/{conversation}/{'/'.join(chain)}"
        self._asked[place] += 1
        dice = random.Random(f"{self._seed}/{place}")
        own = self._live.get(asker)
        if request.how == "different_sector" and own is not None:
            others = _most_different(own, others, dice)
        elif request.how == "skill" and request.skill:
            others = _best_fitting(request.skill, others, dice)
        # In turn: who asks again in the same conversation wants somebody else.
        chosen = dice.sample(others, len(others))[(self._asked[place] - 1) % len(others)]
        return Colleague(name=chosen.name, sector=chosen.sector)


def _most_different(own: Introduction, others: list[Introduction], dice: random.Random) -> list[Introduction]:
    """The most different quarter of some of the others: not everybody shall ask the same one."""
    some = dice.sample(others, min(len(others), COMPARED))
    words = _words(own.sector, *own.skills)
    some.sort(key=lambda who: fuzz.token_set_ratio(words, _words(who.sector, *who.skills)))
    return some[: math.ceil(len(some) / 4)]


def _best_fitting(skill: str, others: list[Introduction], dice: random.Random) -> list[Introduction]:
    """Of some of the others those with the skill that is most like the wanted one; all where none is like it."""
    some = dice.sample(others, min(len(others), COMPARED_BY_SKILL))
    skills = [(_words(one), who) for who in some for one in who.skills]
    texts = [text for text, _ in skills]
    found = process.extract(_words(skill), texts, scorer=fuzz.WRatio, limit=None, score_cutoff=LIKE)
    best = {skills[place][1].name: skills[place][1] for _, score, place in found if score == found[0][1]}
    return list(best.values()) or others


def _words(*texts: str) -> str:
    """The words of what an agent says of its work that tell something, within bounds."""
    words = " ".join(texts)[:MAX_WORDS].casefold().split()
    return " ".join([word for word in words if len(word) > 3] or words)


class Registry(RoutedAgent):
    """Answers who else is live.

    Args:
        population: The live agents.
        admission: Gives what the host knows of a request by its id.
        on_trial: Names of agents that know nobody but the trials' own peer.
        choices: Where who was chosen for whom is put on record; None where no record is kept.
    """

    def __init__(
        self,
        population: Population,
        admission: Callable[[str | None], Admission],
        on_trial: Container[str] = (),
        choices: Choices | None = None,
    ) -> None:
        super().__init__("Knows who is live.")
        self._population = population
        self._admission = admission
        self._on_trial = on_trial
        self._choices = choices

    async def _wait(self, known: Mapping[str, Any] | None, *, again: bool) -> None:
        """Wait for the births that may matter, but not for long: a slow one holds up nobody.

        Args:
            known: Who was chosen before; None when nobody was.
            again: Whether that was in a run that is played again: then nobody else matters.
        """
        name = known.get("name") if known is not None else None
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS if again and known is not None else SETTLE_SECONDS):
                if not again or known is None:
                    await self._population.settled.wait()
                if isinstance(name, str):
                    await self._population.arrival(name)  # who was chosen before may be on its way again
        except TimeoutError:
            if again and isinstance(name, str):
                self._population.miss(name)  # nor does anybody else wait for it

    @message_handler
    async def find(self, message: ColleagueRequest, ctx: MessageContext) -> Colleague:
        """A live agent other than the asker and those who took part already."""
        if ctx.sender is None:
            return Colleague(name=None)
        admission = self._admission(ctx.message_id)
        asker, chain = ctx.sender.type, admission.chain
        if asker in self._on_trial:
            return Colleague(name=None if TRIAL_PEER in chain else TRIAL_PEER, sector="trials")
        known = None
        if self._choices is not None:
            known = self._choices.next_known("colleague", asker, admission.conversation)
        await self._wait(known, again=self._choices is not None and self._choices.played_again)

        def choose() -> dict[str, Any]:
            return self._population.choose(message, asker, chain, admission.conversation).model_dump()

        def fits(known: dict[str, Any]) -> bool:
            name = known.get("name")
            return name is None or (name in self._population and name != asker and name not in chain)

        if self._choices is None:
            return Colleague(**choose())
        return Colleague(**self._choices.decide("colleague", asker, admission.conversation, choose, fits))
