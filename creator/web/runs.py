"""All runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.errors import CreatorError
from creator.ledger.view import RunView, load_run, run_names
from creator.web.html import render
from creator.web.site import site_of

_MOST: int = 200


def show(request: Request) -> Response:
    """The runs, newest first."""
    output = site_of(request).output
    names = run_names(output)[::-1]
    views: list[tuple[str, RunView | None, str]] = []
    for name in names[:_MOST]:
        try:
            views.append((name, load_run(output / name), ""))
        except CreatorError as error:
            views.append((name, None, str(error)))
    return render(request, "runs.html.j2", runs=views, more=max(0, len(names) - _MOST))


ROUTES = [Route("/", show, name="runs")]
