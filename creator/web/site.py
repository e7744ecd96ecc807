"""What all pages share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from creator.ledger.view import RunView, find_run
from creator.outcome import RunOutcome
from creator.web.conversations import Conversations
from creator.web.launches import Launches
from creator.web.views import Views
from sandbox.protocol import AGENT_NAME


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        output: The folder of all runs.
        token: What a visitor has to show once; None where only this machine can reach the page.
        secret: What this process signs with.
        views: Reads runs.
        launches: Runs that are about to begin.
        conversations: What agents are asked.
    """

    output: Path
    token: str | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    views: Views = field(default_factory=Views, repr=False)
    launches: Launches = field(default_factory=Launches, repr=False)
    conversations: Conversations = field(default_factory=Conversations, repr=False)


def site_of(request: Request) -> Site:
    """What all pages share."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


def run_of(request: Request) -> RunView:
    """The run that an address names, by ``{run}``.

    Raises:
        UsageError: There is none.
        EnvironmentFault: It cannot be read.
    """
    site = site_of(request)
    return site.views.load(find_run(site.output, request.path_params["run"]))


def linkable(outcome: RunOutcome) -> frozenset[str]:
    """The names of a run's agents that may become part of an address."""
    return frozenset(agent.name for agent in outcome.agents if AGENT_NAME.fullmatch(agent.name))
