"""A run while it goes on: its page, what is new as it happens, and its report."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from creator.errors import UsageError
from creator.ledger.feed import AgentRow, Changes, Cursor, Standing, snapshot
from creator.ledger.summary import RunSummary, is_beginning, load_summary
from creator.ledger.view import find_run
from creator.outputs import RUN_ID, history_of
from creator.reporting.report import render_report
from creator.web.html import fragment, render
from creator.web.site import run_of, site_of
from creator.web.standing import RunLimits, command_to_go_on, meters, stage, state_in_words
from creator.web.steering import can_go_on
from creator.web.watching import Watches
from creator.web.words import in_words

_HEARTBEAT: Final = 15
"""Seconds without news after which a browser hears that there are none."""
_SEND_SECONDS: Final = 20
"""After which a browser that takes nothing is let go."""
_RETRY_MS: Final = 1_000
"""That a browser waits before it comes again."""
_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]{1,2000})">')
_STATES: Final = {"written": "writing", "checked": "writing", "birth failed": "gone"}
"""By kind of event: what an agent is, as the graph draws it; other kinds say it themselves."""


def show(request: Request) -> Response:
    """A run: where it stands now, and a browser with scripts follows it from there on."""
    directory = _directory(request)
    if is_beginning(directory):
        return render(request, "beginning.html.j2", run_id=directory.name)
    summary = load_summary(directory)
    going_on = summary.state == "running"
    whole = snapshot(directory, going_on=going_on)
    agents = [(agent, _drawn(agent)) for agent in whole.agents]
    places = {agent.name: place for place, agent in enumerate(whole.agents)}
    edges = [
        (places[source], places[target], *count)
        for (source, target), count in whole.traffic.items()
        if source in places and target in places
    ]
    return render(
        request,
        "live.html.j2",
        **_standing(directory, whole.standing, summary),
        agents=agents,
        lines=[in_words(one) for one in reversed(whole.happenings)],
        graph={"agents": [(agent.name, state) for agent, state in agents], "edges": edges},
        cursor=str(whole.standing.cursor),
        going_on=going_on,
        go_on=command_to_go_on(summary),
        can_go_on=not going_on and can_go_on(run_of(request)),
    )


async def feed(request: Request) -> Response:
    """What is new, as server-sent events; each carries the cursor after it, from which a browser goes on."""
    directory = await to_thread.run_sync(_directory, request)
    wanted = request.headers.get("last-event-id") or request.query_params.get("after", "")
    cursor = Cursor.parse(wanted)
    if cursor is None:
        raise UsageError("The feed goes on after a cursor: open the page of the run.")
    watches = request.app.state.watches
    assert isinstance(watches, Watches)
    return EventSourceResponse(
        _events(watches, directory, cursor), ping=_HEARTBEAT, send_timeout=_SEND_SECONDS, sep="\n"
    )


async def _events(watches: Watches, directory: Path, cursor: Cursor) -> AsyncIterator[Mapping[str, Any]]:
    async with watches.watching(directory) as watch:
        while (step := await watch.step_after(cursor)) is not None:
            if step.changes.cursor == cursor:
                yield {"event": "clock", "data": step.data}
                continue
            cursor = step.changes.cursor
            yield {"event": "step", "id": str(cursor), "data": step.data, "retry": _RETRY_MS}
        yield {"event": "ended", "data": ""}


def shown(directory: Path, changes: Changes, standing: Standing, summary: RunSummary) -> str:
    """What a browser is sent of what is new, as JSON: pieces of the page, and what moves in the graph."""
    view = _standing(directory, standing, summary)
    rows = [(agent, _drawn(agent)) for agent in changes.agents]
    return json.dumps(
        {
            "now": fragment("live_now.html.j2", **view),
            "best": fragment("live_best.html.j2", **view),
            "lines": [
                fragment("live_line.html.j2", line=in_words(one), run_id=directory.name) for one in changes.happenings
            ],
            "leftOut": changes.left_out,
            "rows": [fragment("live_agent.html.j2", agent=agent, drawn=drawn, **view) for agent, drawn in rows],
            "agents": [(agent.name, drawn) for agent, drawn in rows],
            "messages": [(source, target, *count) for (source, target), count in changes.traffic.items()],
        },
        ensure_ascii=True,
    )


def report(request: Request) -> Response:
    """The run's report, made anew; what its own policy allows is all that it may, and it is in no site's name."""
    outcome = run_of(request).outcome
    page = render_report(outcome, history_of(outcome.directory))
    own = _POLICY.search(page[:20_000])
    policy = own[1].replace("&#39;", "'") if own else "default-src 'none'"
    return HTMLResponse(page, headers={"content-security-policy": f"{policy}; frame-ancestors 'none'; sandbox"})


def _directory(request: Request) -> Path:
    wanted = request.path_params["run"]
    if wanted != "latest" and not RUN_ID.fullmatch(wanted):
        raise UsageError("There is no such run.")
    return find_run(site_of(request).output, wanted)


def _standing(directory: Path, standing: Standing, summary: RunSummary) -> dict[str, Any]:
    counters = standing.counters
    return {
        "run_id": directory.name,
        "summary": summary,
        "state": state_in_words(summary),
        "stage": stage(summary, counters),
        "counters": counters,
        "meters": meters(summary, counters, RunLimits.of(directory)),
        "leading": standing.leading,
    }


def _drawn(agent: AgentRow) -> str:
    """What an agent is, as the page draws it: writing, pending, live, failed, or gone when nothing came of it."""
    return _STATES.get(agent.state, agent.state)


ROUTES = [
    Route("/runs/{run}", show, name="run"),
    Route("/runs/{run}/feed", feed, name="feed"),
    Route("/runs/{run}/report", report, name="report"),
]
