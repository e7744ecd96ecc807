"""Asking an agent something."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from creator.errors import UsageError
from creator.ledger.view import RunView
from creator.modules import load_live
from creator.talk import MAX_CHARACTERS
from creator.web.conversations import MOST_TURNS, Key
from creator.web.html import render
from creator.web.security import form_of
from creator.web.site import run_of, site_of


async def show(request: Request) -> Response:
    """What was said so far, and a form for the next question."""
    return await _page(request, await to_thread.run_sync(_live, request))


async def send(request: Request) -> Response:
    """Ask, or end the conversation."""
    form = await form_of(request)
    view = await to_thread.run_sync(_live, request)
    name, key = request.path_params["name"], _key(request, view)
    conversations = site_of(request).conversations
    if form.get("action") == "end":
        conversations.end(key)
    else:
        question = form.get("question", "").replace("\r\n", "\n")
        try:
            conversations.ask(key, view, name, question)
        except UsageError as error:
            return await _page(request, view, problem=str(error), question=question)
    return RedirectResponse(f"/runs/{view.outcome.directory.name}/agents/{name}/ask", 303)


def _live(request: Request) -> RunView:
    """The run, in which the agent lives with exactly the module that is on disk."""
    view = run_of(request)
    load_live(view.outcome, request.path_params["name"])
    return view


def _key(request: Request, view: RunView) -> Key:
    return request.state.csrf, view.outcome.directory.name, request.path_params["name"]


async def _page(request: Request, view: RunView, *, problem: str = "", question: str = "") -> Response:
    return render(
        request,
        "ask.html.j2",
        status_code=422 if problem else 200,
        view=view,
        name=request.path_params["name"],
        talk=site_of(request).conversations.of(_key(request, view)),
        problem=problem,
        question=question,
        most_characters=MAX_CHARACTERS,
        most_turns=MOST_TURNS,
    )


ROUTES = [
    Route("/runs/{run}/agents/{name}/ask", show, name="ask"),
    Route("/runs/{run}/agents/{name}/ask", send, methods=["POST"]),
]
