"""One agent: what it was asked to be, what became of it, and its source."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.agent_files import module_of
from creator.blueprint import AUTHORS, Blueprint
from creator.certificate import FILE_STATES, Certificate, certificate_of, file_state, read_blueprint
from creator.errors import CreatorError, EnvironmentFault, UsageError
from creator.family import STATES
from creator.ledger.accounts import Calls, load_calls
from creator.ledger.letters import ANSWERED, Letters, load_letters
from creator.ledger.view import RunView, find_agent
from creator.origin import origin_of
from creator.outcome import AgentOutcome, RunOutcome
from creator.review.difference import difference
from creator.spending.words import UNKNOWN, dollars
from creator.templates.slots import as_text
from creator.text import clean, label
from creator.web.code import MOST_SHOWN, hides, highlighted, marked_difference
from creator.web.html import render
from creator.web.lists import Query
from creator.web.site import linkable, run_of

_MAX_IDEAS: Final = 100


@dataclass(frozen=True)
class _Module:
    """What is shown of a module.

    Attributes:
        source: The highlighted source; None when there is none to show.
        problem: Why there is none.
        lines: How many lines it has.
        cut: Whether only its beginning is shown.
        hides: Whether it holds characters that are not shown.
        compared: What the difference is to; empty when there is none to show.
        changes: The difference; None when there is none to show, empty when there is no difference.
        incomparable: Why there is no difference to show.
    """

    source: Markup | None = None
    problem: str = ""
    lines: int = 0
    cut: bool = False
    hides: bool = False
    compared: str = ""
    changes: Markup | None = None
    incomparable: str = ""


@dataclass(frozen=True)
class _OnRecord:
    """What the ledger tells of an agent.

    Attributes:
        certificate: Its birth certificate.
        letters: Its messages.
        calls: The model calls made for it.
    """

    certificate: Certificate
    letters: Letters
    calls: Calls


def show(request: Request) -> Response:
    """One agent of a run."""
    view = run_of(request)
    outcome = view.outcome
    agent = find_agent(outcome, request.path_params["name"])
    blueprint = read_blueprint(outcome.directory, agent.name)
    other = Query(request).text("against")
    on_record, unread = _on_record(view, agent)
    return render(
        request,
        "agent.html.j2",
        view=view,
        agent=agent,
        blueprint=blueprint,
        slots=_slots(blueprint),
        module=_module(outcome, agent, other),
        other=other,
        file=file_state(outcome.directory, agent),
        file_states=FILE_STATES,
        record=on_record,
        unread=unread,
        answered=ANSWERED,
        children=[one.name for one in outcome.agents if agent.name in {one.asked_by, *one.parents}][:_MAX_IDEAS],
        ideas=[one for one in outcome.ideas if one.author == agent.name][:_MAX_IDEAS],
        refined=[one for one in outcome.ideas if agent.name in one.contributors][:_MAX_IDEAS],
        names=linkable(outcome),
        states=STATES,
        authors=AUTHORS,
        in_words=_in_words,
        cost=_cost,
        took=_took,
    )


def _on_record(view: RunView, agent: AgentOutcome) -> tuple[_OnRecord | None, str]:
    """What the ledger tells of an agent, and why it cannot be read."""
    directory = view.outcome.directory
    try:
        certificate = certificate_of(view, agent)
        return _OnRecord(certificate, load_letters(directory, agent.name), load_calls(directory, agent.name)), ""
    except EnvironmentFault as error:
        return None, str(error)


def _module(outcome: RunOutcome, agent: AgentOutcome, other: str) -> _Module:
    """An agent's module, and its difference to what it came from, or to another agent's."""
    try:
        source = module_of(outcome.directory, agent)
    except CreatorError as error:
        return _Module(problem=str(error))
    about = _Module(
        highlighted(source),
        lines=source.count("\n") + (not source.endswith("\n")),
        cut=len(source) > MOST_SHOWN,
        hides=hides(source),
    )
    try:
        old, old_name = _compared(outcome, agent, source, other)
    except CreatorError as error:
        return replace(about, incomparable=str(error))
    changes = marked_difference(difference(old, source, old_name, agent.name))
    return replace(about, compared=old_name, changes=changes)


def _compared(outcome: RunOutcome, agent: AgentOutcome, source: str, other: str) -> tuple[str, str]:
    if not other:
        return origin_of(outcome.directory, agent, source)
    try:
        return module_of(outcome.directory, find_agent(outcome, other)), other
    except UsageError as error:
        raise UsageError(f"It cannot be compared with {clean(other, 64)!r}: {error}") from None


def _slots(blueprint: Blueprint | None) -> dict[str, str | list[str]]:
    """What the template's slots were filled with, by their names as people read them."""
    if blueprint is None:
        return {}
    return {
        label(name): value if isinstance(value, list) else as_text(value) for name, value in blueprint.slots.items()
    }


def _in_words(name: str) -> str:
    """A class name as people read it: ``RefineRequest`` becomes ``Refine request``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", clean(name, 60)).capitalize()


def _cost(calls: Calls) -> str:
    return UNKNOWN if calls.cost is None else dollars(calls.cost)


def _took(seconds: float) -> str:
    """A duration as short as it can be told: ``2 ms``, ``3.4 s``."""
    return f"{1_000 * seconds:.0f} ms" if seconds < 0.1 else f"{seconds:,.1f} s"


ROUTES = [Route("/runs/{run}/agents/{name}", show, name="agent")]
