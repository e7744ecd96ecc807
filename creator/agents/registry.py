"""The registry: who is live. Names of colleagues come from here, never from file names."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Container
from typing import Final

from autogen_core import MessageContext, RoutedAgent, message_handler

from sandbox.protocol import TRIAL_PEER, Colleague, ColleagueRequest, Introduction

SETTLE_SECONDS: Final = 5.0
"""How long a request may wait for the population to be born, so that the first ones choose among many."""


class Population:
    """The live agents of a run.

    Args:
        seed: For the choice among colleagues.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._live: dict[str, Introduction] = {}
        self.settled = asyncio.Event()
        """Set once nobody is being born any more."""

    def announce(self, introduction: Introduction) -> None:
        """Count an agent as live."""
        self._live[introduction.name] = introduction

    def remove(self, name: str) -> None:
        """Forget an agent that died; no error when it was not there."""
        self._live.pop(name, None)

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, name: object) -> bool:
        return name in self._live

    def choose(self, request: ColleagueRequest, asker: str, chain: tuple[str, ...]) -> Colleague:
        """A colleague for ``asker`` that is in no way part of ``chain``; its name is None when there is none."""
        others = [who for name, who in self._live.items() if name != asker and name not in chain]
        own = self._live.get(asker)
        if request.how == "different_sector" and own is not None:
            others = [who for who in others if who.sector != own.sector] or others
        if request.how == "skill" and request.skill:
            wanted = request.skill.casefold()
            others = [who for who in others if any(wanted in skill.casefold() for skill in who.skills)] or others
        if not others:
            return Colleague(name=None)
        chosen = self._random.choice(others)
        return Colleague(name=chosen.name, sector=chosen.sector)


class Registry(RoutedAgent):
    """Answers who else is live.

    Args:
        population: The live agents.
        chain_of: Gives the chain of names that the conversation of a request has passed.
        on_trial: Names of agents that know nobody but the trials' own peer.
    """

    def __init__(
        self,
        population: Population,
        chain_of: Callable[[str | None], tuple[str, ...]],
        on_trial: Container[str] = (),
    ) -> None:
        super().__init__("Knows who is live.")
        self._population = population
        self._chain_of = chain_of
        self._on_trial = on_trial

    @message_handler
    async def find(self, message: ColleagueRequest, ctx: MessageContext) -> Colleague:
        """A live agent other than the asker and those who took part already."""
        if ctx.sender is None:
            return Colleague(name=None)
        chain = self._chain_of(ctx.message_id)
        if ctx.sender.type in self._on_trial:
            return Colleague(name=None if TRIAL_PEER in chain else TRIAL_PEER, sector="trials")
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._population.settled.wait()
        except TimeoutError:
            pass  # a slow birth holds up nobody: choose among those who are live
        return self._population.choose(message, ctx.sender.type, chain)
