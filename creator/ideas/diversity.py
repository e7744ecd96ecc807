"""Diversity: how different agents and their ideas turned out, as measured."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Final

from creator.ideas.likeness import Likeness, idea_text
from creator.outcome import AgentOutcome, Diversity, IdeaOutcome

MAX_IDEAS: Final = 200
"""Beyond this many, a sample is measured."""


async def diversity_of(
    agents: Sequence[AgentOutcome], ideas: Sequence[IdeaOutcome], likeness: Likeness, *, seed: int = 0
) -> Diversity:
    """Measure a population.

    Args:
        agents: All of a run; those that are live count.
        ideas: Their ideas, of which the final texts are compared.
        likeness: Compares two of them.
        seed: For the sample of many ideas.
    """
    live = [agent for agent in agents if agent.state == "live"]
    sample = ideas if len(ideas) <= MAX_IDEAS else random.Random(seed).sample(list(ideas), MAX_IDEAS)
    texts = [idea_text(one.final) for one in sample]
    scores = [score for place, text in enumerate(texts) for score in await likeness(text, texts[place + 1 :])]
    return Diversity(
        agents=len(live),
        sectors=_distinct(agent.sector for agent in live),
        customers=_distinct(agent.customer for agent in live),
        technologies=_distinct(agent.technology for agent in live),
        similarity=sum(scores) / len(scores) if scores else None,
        measured_by=likeness.name,
    )


def _distinct(texts: Iterable[str]) -> int:
    """How many different texts there are, empty ones left out."""
    return len({" ".join(text.split()).casefold() for text in texts} - {""})
