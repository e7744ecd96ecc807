"""The ideas of a run, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.outcome import IdeaOutcome, RunOutcome
from creator.reporting.conclusions import conclusions
from creator.reporting.scale import Scale
from creator.reporting.standings import ONE_SHOT, Standings
from creator.text import clean
from creator.web.html import render
from creator.web.lists import MAX_TEXT, Page, Query, choices, fits
from creator.web.site import linkable, run_of

_PAGE: Final = 50
_SOURCES: Final = ("", "agent", ONE_SHOT)


@dataclass(frozen=True)
class _Group:
    """An idea, and the near-duplicates that are listed under it.

    Attributes:
        idea: The best of them.
        alike: The others, in order.
    """

    idea: IdeaOutcome
    alike: list[IdeaOutcome]


def show(request: Request) -> Response:
    """The ideas in order, or those that a visitor looks for."""
    view = run_of(request)
    outcome = view.outcome
    query = Query(request)
    standings = Standings(outcome)
    found = _wanted(standings, query)
    groups = _groups(standings, found)
    return render(
        request,
        "ideas.html.j2",
        view=view,
        query=query,
        standings=standings,
        page=Page.of(groups, query.number("page"), _PAGE),
        found=len(found),
        filtered=len(found) < len(standings.everything),
        scale=Scale.of(outcome.ranking.places if outcome.ranking else []),
        sentences=conclusions(outcome),
        names=linkable(outcome),
        sectors={agent.name: agent.sector for agent in outcome.agents},
        choices=_choices(outcome),
    )


def _wanted(standings: Standings, query: Query) -> list[IdeaOutcome]:
    text, agent, sector = query.text("text"), query.text("agent"), query.text("sector")
    generation, source = query.number("generation"), query.one_of("source", _SOURCES)
    sectors = {one.name: clean(one.sector, MAX_TEXT) for one in standings.outcome.agents}
    return [
        idea
        for idea in standings.everything
        if (not source or idea.source == source)
        and (generation is None or (idea.generation == generation and idea.source != ONE_SHOT))
        and (not sector or sectors.get(idea.author) == sector)
        and (not agent or fits(agent, idea.author, *idea.contributors))
        and (not text or fits(text, idea.final.title, *idea.final.parts.values()))
    ]


def _groups(standings: Standings, ideas: list[IdeaOutcome]) -> list[_Group]:
    """The ideas, near-duplicates under the best of them where that is among them."""
    groups: dict[int, _Group] = {idea.number: _Group(idea, []) for idea in ideas}
    for idea in ideas:
        above = standings.above(idea.number)
        if above in groups:
            groups[above].alike.append(groups.pop(idea.number).idea)
    return list(groups.values())


def _choices(outcome: RunOutcome) -> dict[str, list[str]]:
    """What the form offers by field; a field with nothing to choose from is left out."""
    generations = sorted({idea.generation for idea in outcome.ideas})
    offered = {
        "sector": choices([agent.sector for agent in outcome.agents]),
        "generation": [str(one) for one in generations],
        "source": ["agent", ONE_SHOT] if outcome.one_shot else [],
    }
    return {name: values for name, values in offered.items() if len(values) > 1}


ROUTES = [Route("/runs/{run}/ideas", show, name="ideas")]
