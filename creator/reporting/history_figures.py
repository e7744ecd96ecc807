"""The figures of a run that its report shows, each made from the run's records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from creator.ledger.history import History
from creator.outcome import IdeaOutcome, RunOutcome
from creator.reporting.figures.drawing import Figure
from creator.reporting.figures.likeness_map import LikenessMap, Placed, likeness_map
from creator.reporting.figures.messages import message_graph
from creator.reporting.figures.phases import phase_line, spenders, spending_bars
from creator.reporting.figures.population import population_map
from creator.reporting.standings import ONE_SHOT, Standings


@dataclass(frozen=True)
class Neighbour:
    """An idea on the likeness map, with the one that shares most words with it.

    Attributes:
        label: The number on the map.
        number: Of the idea.
        title: Of the idea.
        other: The other's number on the map.
        other_title: The other's title.
        likeness: From 0 for no word in common to 1 for the same words.
    """

    label: str
    number: int
    title: str
    other: str
    other_title: str
    likeness: float


@dataclass(frozen=True)
class Figures:
    """What can be drawn of a run; None for what cannot.

    Attributes:
        population: Its agents.
        likeness: Its ideas by the likeness of their words.
        neighbours: The ideas on that map, in order.
        messages: Who wrote to whom.
        phases: When what was spent.
        spending: Which agents used most.
    """

    population: Figure | None
    likeness: LikenessMap | None
    neighbours: list[Neighbour]
    messages: Figure | None
    phases: Figure | None
    spending: Figure | None

    @classmethod
    def of(cls, outcome: RunOutcome, standings: Standings, history: History | None) -> Figures:
        """Draw what can be drawn.

        Args:
            outcome: The run.
            standings: Its ideas in order.
            history: How it went; None when that is not known.
        """
        names = {agent.name for agent in outcome.agents}
        made = Counter(idea.author for idea in outcome.ideas)
        labels = labels_of(outcome)
        likeness = likeness_map(_placed(standings, labels))
        ideas = standings.everything
        return cls(
            population=population_map(outcome.agents, made),
            likeness=likeness,
            neighbours=[
                _neighbour(ideas[place], ideas[other], alike, labels)
                for place, (other, alike) in enumerate(likeness.nearest if likeness else [])
            ],
            messages=message_graph(history.traffic, names) if history else None,
            phases=phase_line(history.accounts) if history else None,
            spending=spending_bars(spenders(history.accounts, names)) if history else None,
        )


def labels_of(outcome: RunOutcome) -> dict[int, str]:
    """By number: what an idea is called where there is little room, ``s1`` for the first one-shot idea."""
    agents = {idea.number: str(idea.number) for idea in outcome.ideas}
    return {**{idea.number: f"s{nth}" for nth, idea in enumerate(outcome.one_shot, start=1)}, **agents}


def top_of(standings: Standings, count: int) -> list[IdeaOutcome]:
    """The first ideas of the population, without near-duplicates of others of it."""
    own = {idea.number for idea in standings.ideas}
    return [idea for idea in standings.ideas if standings.above(idea.number) not in own][:count]


def _placed(standings: Standings, labels: dict[int, str]) -> list[Placed]:
    places = {idea.number: place for place, idea in enumerate(standings.everything)}
    top = {idea.number for idea in top_of(standings, 3)}
    return [
        Placed(
            label=labels[idea.number],
            idea=idea.final,
            top=idea.number in top,
            one_shot=idea.source == ONE_SHOT,
            under=places.get(standings.above(idea.number) or 0),
        )
        for idea in standings.everything
    ]


def _neighbour(idea: IdeaOutcome, other: IdeaOutcome, alike: float, labels: dict[int, str]) -> Neighbour:
    return Neighbour(
        label=labels[idea.number],
        number=idea.number,
        title=idea.final.title,
        other=labels[other.number],
        other_title=other.final.title,
        likeness=alike,
    )
