"""The agents of a run, and their family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.blueprint import AUTHORS
from creator.family import STATES, described, family_of
from creator.outcome import AgentOutcome, RunOutcome
from creator.text import clean
from creator.web.html import render
from creator.web.lists import MAX_TEXT, Page, Query, choices, fits
from creator.web.site import linkable, run_of

_PAGE: Final = 100
_OPEN_FAMILY: Final = 40
"""Agents of a family that is shown open."""
_MAX_FAILURES: Final = 100
SORTS: Final = {
    "born": "order of birth",
    "name": "name",
    "state": "state",
    "sector": "sector",
    "tokens": "tokens, most first",
    "ideas": "ideas, most first",
}
"""By what a visitor writes in the address: in which order agents are listed."""
_STATES: Final = ("", *STATES)


def show(request: Request) -> Response:
    """The agents, or those that a visitor looks for."""
    view = run_of(request)
    outcome = view.outcome
    query = Query(request)
    ideas: dict[str, list[int]] = {}
    for idea in outcome.ideas:
        ideas.setdefault(idea.author, []).append(idea.number)
    found = _sorted(_wanted(outcome, query), query.one_of("sort", list(SORTS)), ideas)
    has_family = any(agent.asked_by or agent.parents for agent in outcome.agents)
    return render(
        request,
        "agents.html.j2",
        view=view,
        query=query,
        page=Page.of(found, query.number("page"), _PAGE),
        filtered=len(found) < len(outcome.agents),
        counts=Counter(agent.state for agent in outcome.agents),
        ideas=ideas,
        names=linkable(outcome),
        states=STATES,
        authors=AUTHORS,
        sorts=SORTS,
        choices=_choices(outcome),
        family=family_of(outcome.agents) if has_family else [],
        family_open=len(outcome.agents) <= _OPEN_FAMILY,
        described=described,
        failures=outcome.failures[:_MAX_FAILURES],
        more_failures=max(0, len(outcome.failures) - _MAX_FAILURES),
    )


def _wanted(outcome: RunOutcome, query: Query) -> list[AgentOutcome]:
    text, sector = query.text("text"), query.text("sector")
    state, author, generation = query.one_of("state", _STATES), query.text("author"), query.number("generation")
    return [
        agent
        for agent in outcome.agents
        if (not state or agent.state == state)
        and (not author or agent.author == author)
        and (generation is None or agent.generation == generation)
        and (not sector or clean(agent.sector, MAX_TEXT) == sector)
        and (not text or fits(text, agent.name, agent.sector, agent.role, agent.reason, agent.customer))
    ]


def _sorted(agents: list[AgentOutcome], by: str, ideas: dict[str, list[int]]) -> list[AgentOutcome]:
    keys: dict[str, Callable[[AgentOutcome], Any]] = {
        "name": lambda one: one.name,
        "state": lambda one: -list(STATES).index(one.state),
        "sector": lambda one: one.sector.casefold(),
        "tokens": lambda one: -(one.prompt_tokens + one.completion_tokens),
        "ideas": lambda one: -len(ideas.get(one.name, ())),
    }
    return sorted(agents, key=keys[by]) if by in keys else agents


def _choices(outcome: RunOutcome) -> dict[str, list[str]]:
    """What the form offers by field; a field with nothing to choose from is left out."""
    offered = {
        "state": [state for state in STATES if any(agent.state == state for agent in outcome.agents)],
        "sector": choices([agent.sector for agent in outcome.agents]),
        "author": choices([agent.author for agent in outcome.agents]),
        "generation": [str(one) for one in sorted({agent.generation for agent in outcome.agents})],
    }
    return {name: values for name, values in offered.items() if len(values) > 1}


ROUTES = [Route("/runs/{run}/agents", show, name="agents")]
