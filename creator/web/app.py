"""The application: every page with what protects it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from creator.errors import CreatorError, UsageError
from creator.web import agent, agents, ask, idea, ideas, live, review, runs, start, steering
from creator.web.html import render
from creator.web.security import Guard
from creator.web.site import Site
from creator.web.watching import Watches


def make_app(output: Path, *, hosts: Sequence[str], any_address: bool = False, token: str | None = None) -> Starlette:
    """The application.

    Args:
        output: The folder of all runs.
        hosts: Names and addresses, without a port, that a browser may reach it by.
        any_address: Whether a browser may reach it by whatever address of this machine, as long as it is no name.
        token: What a visitor has to show once; None for none.
    """
    site = Site(output, token)
    static = resources.files("creator").joinpath("web", "static")
    app = Starlette(
        routes=[
            *runs.ROUTES,
            *live.ROUTES,
            *ideas.ROUTES,
            *idea.ROUTES,
            *agents.ROUTES,
            *agent.ROUTES,
            *steering.ROUTES,
            *start.ROUTES,
            *review.ROUTES,
            *ask.ROUTES,
            Mount("/static", _Static(directory=str(static)), name="static"),
        ],
        middleware=[
            Middleware(Guard, hosts=frozenset(hosts), any_address=any_address, token=token, secret=site.secret)
        ],
        exception_handlers={CreatorError: _told, 404: _missing},
        lifespan=_lifespan,
    )
    app.state.site = site
    app.state.watches = Watches(live.shown)
    return app


class _Static(StaticFiles):
    """Our own files. Browsers keep them, and ask each time whether they are still the same."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """One of them."""
        response = super().file_response(*args, **options)
        response.headers["cache-control"] = "no-cache"
        return response


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """What is begun in this server ends with it: agents that are asked something, runs that have not begun yet."""
    yield
    site: Site = app.state.site
    await site.conversations.close()
    await site.launches.close()


async def _told(request: Request, error: Exception) -> Response:
    """A mistake, or something that is missing, as one line on a page."""
    status = 404 if isinstance(error, UsageError) and request.method == "GET" else 422
    if not isinstance(error, UsageError):
        status = 503
    return render(request, "problem.html.j2", status_code=status, problem=str(error))


async def _missing(request: Request, error: Exception) -> Response:
    return render(request, "problem.html.j2", status_code=404, problem="There is no such page.")
