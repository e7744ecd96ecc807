"""More agents than a run began with: what agents and people ask the Creator for, within the limits of the run."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from creator.briefs import Brief, BriefData
from creator.outcome import AgentOutcome
from creator.record import RunRecord
from creator.settings import SpawnSettings
from creator.spending.budget import Budget
from creator.templates.slots import clean_text
from creator.wishes import USER, Wish

PART_CHARACTERS: Final = 120
"""Of a sector, a role or a topic that somebody asks for."""


class Refused(Exception):
    """Nobody is written; the text is the reason, one sentence that whoever asked can read."""


class Colleagues:
    """Turns orders into wishes, counts them, and refuses those beyond the limits.

    Args:
        settings: The limits: ``max_depth``, ``colleagues_each`` and ``colleague_tokens``.
        seed: Of the run; temperament and template are drawn.
        templates: Names of the templates that agents are made from.
        record: Knows who there is and what each has spent; every answer is put on it.
        numbers: Gives the numbers of births.
        data: What the rest of a brief is drawn from.
        budget: Counts births.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        seed: int,
        templates: Sequence[str],
        record: RunRecord,
        numbers: Iterator[int],
        data: BriefData,
        budget: Budget,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._templates = templates
        self._record = record
        self._numbers = numbers
        self._data = data
        self._budget = budget
        self._granted = Counter(agent.asked_by for agent in record.agents.values() if agent.asked_by)
        self._closed = False

    def close(self) -> None:
        """Refuse everything from now on: the run is ending."""
        self._closed = True

    def order(self, asker: str, sector: str, role: str, topic: str = "") -> Wish:
        """Grant one more agent, count it, and put it on record.

        Args:
            asker: The name of the agent that asks, or ``user``, for whom the limit of the population alone counts.
            sector: What it shall work in; a text of unknown origin, like the others.
            role: What it shall do.
            topic: A problem that it shall know well; its role where there is none.

        Raises:
            Refused: A limit is reached.
        """
        sector = clean_text(sector, PART_CHARACTERS) or "business"
        role = clean_text(role, PART_CHARACTERS) or "colleague"
        if reason := self._refusal(asker):
            self._record.event("colleague refused", asker, sector=sector, role=role, reason=reason)
            raise Refused(reason)
        self._granted[asker] += 1
        number = next(self._numbers)
        self._budget.begin_births([number])
        dice = random.Random(f"{self._seed}/{number}")
        brief = Brief(
            sector=sector,
            role=role,
            temperament=dice.choice(self._data.temperaments),
            topic=clean_text(topic, PART_CHARACTERS) or role,
            customer=clean_text(dice.choice(self._data.customers_in(sector)), PART_CHARACTERS),
            technology=dice.choice(self._data.technologies),
        )
        self._record.event("colleague ordered", asker, sector=sector, role=role, number=number)
        parents = () if asker == USER else (asker,)
        return Wish(number, brief, dice.choice(self._templates), parents, asked_by=asker)

    def _refusal(self, asker: str) -> str:
        """Which limit keeps somebody from getting one more agent; empty when none does."""
        if self._closed:
            return "the run is ending"
        if asker != USER and (reason := self._refusal_of_agent(asker)):
            return reason
        if self._budget.colleagues_left <= 0:
            most = _many(self._settings.most_births, "agent")
            return f"the limit of {most} in this run is reached (--max-agents)"
        return ""

    def _refusal_of_agent(self, asker: str) -> str:
        settings = self._settings
        agents = {agent.name: agent for agent in self._record.agents.values()}
        if asker not in agents or agents[asker].state != "live":
            return "only a live agent may ask for a colleague"
        if self._granted[asker] >= settings.colleagues_each:
            most = _many(settings.colleagues_each, "colleague")
            return f"the limit of {most} for each agent is reached (--colleagues-each)"
        if depth_of(asker, agents) >= settings.max_depth:
            most = _many(settings.max_depth, "generation")
            return f"the limit of {most} of colleagues is reached (--max-depth)"
        if (spent := self._record.spent(asker)) > settings.colleague_tokens:
            most = _many(settings.colleague_tokens, "token")
            return f"the limit of {most} for whoever asks is passed, {spent:,} are spent (--colleague-tokens)"
        return ""


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def depth_of(name: str, agents: Mapping[str, AgentOutcome]) -> int:
    """How far an agent is from what the user asked for: 0 for the user's own, 1 for their colleagues, and so on.

    Args:
        name: The agent.
        agents: All agents by name.
    """
    passed: set[str] = set()
    while name in agents and name not in passed and agents[name].asked_by not in ("", USER):
        passed.add(name)
        name = agents[name].asked_by
    return len(passed)
