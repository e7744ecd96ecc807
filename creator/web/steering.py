"""Stopping a run, and going on with one."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from creator.errors import UsageError
from creator.launching import launch_resume
from creator.launching import stop as stop_run
from creator.ledger.view import RunView
from creator.outcome import Estimate
from creator.outputs import read_settings
from creator.planning import has_to_be_agreed_to
from creator.resuming import load_earlier
from creator.settings import SpawnSettings
from creator.spending.estimate import still_expected
from creator.spending.words import cost_span, span
from creator.web.html import render
from creator.web.security import form_of
from creator.web.site import run_of, site_of


def resume_key(view: RunView) -> str:
    """What going on with a run is called among the launches; no form's key is of this form."""
    return f"resume:{view.outcome.directory.name}"


def can_go_on(view: RunView) -> bool:
    """Whether something is left to do of a run that has ended."""
    outcome = view.outcome
    return view.state != "running" and not outcome.replay_of and (view.state == "lost" or outcome.exit_code != 0)


async def stop(request: Request) -> Response:
    """End a run in order, as Ctrl-C does."""
    await form_of(request)
    view = await to_thread.run_sync(run_of, request)
    if not await to_thread.run_sync(stop_run, view.outcome.directory):
        raise UsageError(f"Run {view.outcome.directory.name} has ended already.")
    return RedirectResponse(f"/runs/{view.outcome.directory.name}", 303)


async def resume(request: Request) -> Response:
    """Go on with a run, after a question where that may cost much."""
    form = await form_of(request)
    view = await to_thread.run_sync(run_of, request)
    directory = view.outcome.directory
    if not can_go_on(view):
        raise UsageError(f"Run {directory.name} goes on already, or nothing is left to do of it.")
    if not form.get("agreed"):
        settings, estimate = await to_thread.run_sync(_left, view)
        if estimate is not None and has_to_be_agreed_to(settings, estimate):
            return _question(request, view, estimate)
    site_of(request).launches.begin(resume_key(view), partial(launch_resume, directory))
    return RedirectResponse(f"/runs/{directory.name}/resume", 303)


async def wait(request: Request) -> Response:
    """A run that is about to go on."""
    view = await to_thread.run_sync(run_of, request)
    known = site_of(request).launches.get(resume_key(view))
    if known is None or known.run is not None:
        return RedirectResponse(f"/runs/{view.outcome.directory.name}", 303)
    if known.problem:
        return render(request, "problem.html.j2", status_code=422, problem=known.problem)
    return render(request, "starting.html.j2", key="")


def _left(view: RunView) -> tuple[SpawnSettings, Estimate | None]:
    """The settings of a run, and what the rest of it may take."""
    directory = view.outcome.directory
    return read_settings(directory, asked=view.outcome.asked), still_expected(load_earlier(directory))


def _question(request: Request, view: RunView, estimate: Estimate) -> Response:
    assert estimate.cost is not None
    return render(
        request,
        "resume_question.html.j2",
        view=view,
        calls=span(estimate.calls),
        tokens=span(estimate.tokens),
        cost=cost_span(estimate.cost),
    )


ROUTES = [
    Route("/runs/{run}/stop", stop, methods=["POST"]),
    Route("/runs/{run}/resume", resume, methods=["POST"]),
    Route("/runs/{run}/resume", wait, name="resuming"),
]
