"""The review queue: agents that wait for a person's decision, and what is decided about them here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from anyio import to_thread
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from creator.blueprint import AUTHORS
from creator.deciding import agent_in_state, decide, goes_on, order_edit, reject
from creator.errors import PolicyViolation, UsageError
from creator.launching import launch_resume
from creator.ledger.decided import Decided, Edited, People, load_people
from creator.ledger.view import RunView, find_agent
from creator.outcome import AgentOutcome
from creator.policy import Finding, check_module
from creator.review.base import Candidate
from creator.review.difference import difference
from creator.review.waiting import waiting
from creator.text import clean, encodable
from creator.web.code import hides, highlighted, marked_difference
from creator.web.html import render
from creator.web.launches import Launch
from creator.web.security import form_of
from creator.web.site import run_of, site_of
from creator.web.steering import resume_key
from sandbox.protocol import AGENT_NAME

MOST_EDITED_BYTES: Final = 2_000_000
"""Of a form with a module; what the policy admits fits into it, however it is encoded."""
_MODULE: Final = re.compile(r"([a-z][a-z0-9_]{0,63}):([0-9a-f]{64})", re.ASCII)
_MOST_DECIDED: Final = 100
_MOST_FINDINGS: Final = 20

_UNDECIDED: Final = frozenset({"waits", "refused"})

Status = Literal["waits", "approved", "rejected", "edited", "refused"]
"""Of an agent that waits: ``edited`` while an edit has not been checked, ``refused`` when one was refused."""


@dataclass(frozen=True)
class _Row:
    """An agent of the queue.

    Attributes:
        agent: Who.
        status: What was decided about it, if anything.
        linkable: Whether its name may become part of an address.
    """

    agent: AgentOutcome
    status: Status
    linkable: bool


@dataclass(frozen=True)
class _Refused:
    """What could not be decided.

    Attributes:
        problem: Why.
        source: The visitor's version of the module; None where it was no edit.
        why: The reason of a rejection, as it was typed.
    """

    problem: str
    source: str | None
    why: str


def show(request: Request) -> Response:
    """The queue."""
    view = run_of(request)
    people = load_people(view.outcome.directory)
    rows = [_row(agent, people) for agent in view.outcome.pending]
    open_rows = [row for row in rows if row.status in _UNDECIDED and row.agent.sha256]
    launch = site_of(request).launches.get(resume_key(view))
    return render(
        request,
        "review.html.j2",
        view=view,
        rows=rows,
        authors=AUTHORS,
        every=_modules(open_rows),
        filled=_modules([row for row in open_rows if row.agent.author == "fill"]),
        first=next((row.agent.name for row in open_rows if row.linkable), ""),
        decided=[one for one in people.decisions[::-1] if one.decision != "regenerate"][:_MOST_DECIDED],
        goes_on=goes_on(view),
        launch=launch,
        left=any(row.status not in _UNDECIDED for row in rows),
    )


async def send(request: Request) -> Response:
    """Approve several agents together, or have what was decided taken up by a run that has ended."""
    form = await form_of(request)
    view = await to_thread.run_sync(run_of, request)
    if form.get("action") == "approve":
        shown = dict(_MODULE.findall(form.get("modules", "")))
        if not shown:
            raise UsageError("Nobody waits for a decision any more: load the page again.")
        agents = await to_thread.run_sync(lambda: [agent_in_state(view, name, "pending") for name in shown])
        await to_thread.run_sync(partial(decide, view, agents, "approved", shown=shown))
    elif form.get("action") != "go on":
        raise UsageError("That cannot be done here: load the page again.")
    _take_up(request, view)
    return RedirectResponse(f"/runs/{view.outcome.directory.name}/review", 303)


def show_one(request: Request) -> Response:
    """One agent that waits, with all that there is to see of it."""
    view = run_of(request)
    agent = find_agent(view.outcome, request.path_params["name"])
    if agent.state != "pending":
        return RedirectResponse(f"/runs/{view.outcome.directory.name}/review", 303)
    return _one(request, view, agent)


async def send_one(request: Request) -> Response:
    """What was decided about one agent."""
    form = await form_of(request, most_bytes=MOST_EDITED_BYTES)
    view = await to_thread.run_sync(run_of, request)
    name = request.path_params["name"]
    agent = agent_in_state(view, name, "pending")
    shown = {name: form.get("sha256", "")}
    work = _DECISIONS.get(form.get("action", ""))
    if work is None:
        raise UsageError("That cannot be done here: load the page again.")
    source = encodable(form.get("source", "").replace("\r\n", "\n"))
    try:
        await to_thread.run_sync(work, view, agent, shown, form.get("why", ""), source)
    except (PolicyViolation, UsageError) as error:
        refused = _Refused(str(error), source if work is _edit else None, form.get("why", ""))
        return await to_thread.run_sync(_one, request, view, agent, refused)
    if form["action"] != "reject":
        _take_up(request, view)
    after = await to_thread.run_sync(_next, view, name)
    return RedirectResponse(f"/runs/{view.outcome.directory.name}/review{after}", 303)


def _approve(view: RunView, agent: AgentOutcome, shown: Mapping[str, str], why: str, source: str) -> None:
    decide(view, [agent], "approved", shown=shown)


def _reject(view: RunView, agent: AgentOutcome, shown: Mapping[str, str], why: str, source: str) -> None:
    reject(view, [agent], why, shown=shown)


def _edit(view: RunView, agent: AgentOutcome, shown: Mapping[str, str], why: str, source: str) -> None:
    order_edit(view, agent, source, shown=shown)


_DECISIONS: Final = {"approve": _approve, "reject": _reject, "edit": _edit}


def _one(request: Request, view: RunView, agent: AgentOutcome, refused: _Refused | None = None) -> Response:
    """An agent's page; with what could not be decided about it just now."""
    people = load_people(view.outcome.directory)
    there = waiting(view, agent)
    candidate = there.candidate
    draft = people.edits.get((agent.name, agent.sha256))
    findings: list[Finding] = []
    if refused is not None and refused.source is not None:
        draft = Edited(refused.source, refused.problem)
        findings = check_module(refused.source, f"{agent.name}.py")[:_MOST_FINDINGS]
    before = request.query_params.get("after", "")
    return render(
        request,
        "review_agent.html.j2",
        status_code=200 if refused is None else 422,
        view=view,
        row=_row(agent, people),
        one=candidate,
        author=AUTHORS[candidate.author],
        slots=_slots(candidate),
        earlier=there.earlier,
        cannot=there.problem,
        hidden=hides(candidate.source),
        changes=_changes(candidate),
        code=highlighted(candidate.source),
        draft=draft if draft is not None and draft.refused is not None else None,
        findings=findings,
        refused=refused,
        after=_latest(people, before) if AGENT_NAME.fullmatch(before) else None,
        left=sum(_row(one, people).status in _UNDECIDED for one in view.outcome.pending),
        goes_on=goes_on(view),
        launch=site_of(request).launches.get(resume_key(view)),
    )


def _row(agent: AgentOutcome, people: People) -> _Row:
    edited = people.edits.get((agent.name, agent.sha256))
    decided = people.of(agent.name, agent.sha256)
    status: Status = "waits"
    if decided is not None and decided.decision in {"approved", "rejected"}:
        status = "approved" if decided.decision == "approved" else "rejected"
    elif edited is not None:
        status = "edited" if edited.refused is None else "refused"
    return _Row(agent, status, AGENT_NAME.fullmatch(agent.name) is not None)


def _latest(people: People, name: str) -> Decided | None:
    return next((one for one in reversed(people.decisions) if one.name == name), None)


def _modules(rows: Sequence[_Row]) -> str:
    """Agents with exactly the modules that are shown, as one field of a form."""
    return " ".join(f"{row.agent.name}:{row.agent.sha256}" for row in rows)


def _slots(candidate: Candidate) -> list[tuple[str, str]]:
    """The template's values, as a person reads them."""
    return [
        (clean(name, 64), clean(", ".join(map(str, value)) if isinstance(value, list) else str(value), 1_000))
        for name, value in list(candidate.slots.items())[:60]
    ]


def _changes(candidate: Candidate) -> Markup | None:
    """The difference to what the template gives without a model, as HTML; None when there is nothing to compare."""
    if candidate.template_source is None:
        return None
    context = 0 if candidate.author == "fill" else 3
    old_name = f"{candidate.template} (without a model)"
    return marked_difference(
        difference(candidate.template_source, candidate.source, old_name, f"{candidate.name}.py", context)
    )


def _next(view: RunView, name: str) -> str:
    """The rest of the address of whoever waits next, or of the queue."""
    people = load_people(view.outcome.directory)
    rows = [_row(agent, people) for agent in view.outcome.pending if agent.name != name]
    following = [row for row in rows if row.status in _UNDECIDED and row.linkable]
    return f"/{following[0].agent.name}?after={name}" if following else ""


def _take_up(request: Request, view: RunView) -> Launch | None:
    """Open a run again that has ended, for those about whom was decided; one that goes on sees it by itself."""
    if goes_on(view):
        return None
    directory = view.outcome.directory
    work = partial(launch_resume, directory, decided_only=True)
    return site_of(request).launches.begin(resume_key(view), work)


ROUTES = [
    Route("/runs/{run}/review", show, name="review"),
    Route("/runs/{run}/review", send, methods=["POST"]),
    Route("/runs/{run}/review/{name}", show_one, name="review_agent"),
    Route("/runs/{run}/review/{name}", send_one, methods=["POST"]),
]
