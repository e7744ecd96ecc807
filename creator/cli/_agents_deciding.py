"""What a person decides about agents: approve, reject, regenerate; from any terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from creator.cli import _completing
from creator.cli._shared import (
    calm_libraries,
    debug_option,
    open_run,
    output_option,
    run_option,
)
from creator.errors import UsageError

if TYPE_CHECKING:
    from creator.ledger.store import Decision
    from creator.ledger.view import RunView
    from creator.outcome import AgentOutcome


@click.command("approve")
@click.argument("names", metavar="NAME...", nargs=-1, shell_complete=_completing.agents)
@click.option("--all", "everyone", is_flag=True, help="All that wait.")
@click.option("--filled", is_flag=True, help="All that wait and in which a model filled in nothing but values.")
@run_option
@output_option
@debug_option
def approve(names: tuple[str, ...], everyone: bool, filled: bool, run: str | None, output: str | None) -> int:
    """Let pending agents live.

    While their run goes on they come to life in it; when it has ended it is opened again for them.
    """
    view = open_run(output, run)
    if not names and not everyone and not filled:
        raise UsageError(f"Say whom: {_waiting(view)}, or --all.")
    chosen = [_agent(view, name, "pending") for name in names]
    chosen += [
        agent
        for agent in view.outcome.pending
        if agent.name not in names and (everyone or (filled and agent.author == "fill"))
    ]
    _decide(view, chosen, "approved", "")
    for agent in chosen:
        click.echo(f"approved: {agent.name}")
    if view.state == "running" or not chosen:
        return 0
    from creator.cli._runs_resuming import go_on

    calm_libraries()
    return go_on(view, pending_only=True)


@click.command("reject")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=_completing.agents)
@click.option("--why", required=True, metavar="TEXT", help="The reason; the next try gets it.")
@run_option
@output_option
@debug_option
def reject(names: tuple[str, ...], why: str, run: str | None, output: str | None) -> int:
    """Don't let pending agents live.

    While their run goes on each is written anew, with the reason; when it has ended they are given up.
    """
    view = open_run(output, run)
    chosen = [_agent(view, name, "pending") for name in names]
    _decide(view, chosen, "rejected", _reason(why))
    for agent in chosen:
        click.echo(f"rejected: {agent.name}")
    if view.state != "running":
        from creator.spawning import give_up

        give_up(view.outcome, [agent.name for agent in chosen], f"a person rejected it: {_reason(why)}")
    return 0


@click.command("regenerate")
@click.argument("name", shell_complete=_completing.agents)
@click.option("--why", default="", metavar="TEXT", help="What shall be different.")
@run_option
@output_option
@debug_option
def regenerate(name: str, why: str, run: str | None, output: str | None) -> int:
    """Have a live agent written anew; it takes its predecessor's place while the run goes on."""
    view = open_run(output, run)
    agent = _agent(view, name, "live")
    if view.state != "running":
        raise UsageError(f"Run {view.outcome.run_id} has ended: an agent is regenerated while its run goes on.")
    _decide(view, [agent], "regenerate", _reason(why) if why else "")
    click.echo(f"ordered: a successor of {agent.name}")
    return 0


def _reason(why: str) -> str:
    from creator.text import clean

    reason = clean(why, 300)
    if not reason:
        raise UsageError("Give a reason: --why 'what shall be different'.")
    return reason


def _agent(view: RunView, name: str, state: str) -> AgentOutcome:
    from creator.ledger.view import find_agent

    agent = find_agent(view.outcome, name)
    if agent.state != state:
        waiting = f" Waiting: {_waiting(view)}." if state == "pending" else ""
        raise UsageError(f"Agent {agent.name!r} is {agent.state}, not {state}.{waiting}")
    return agent


def _waiting(view: RunView) -> str:
    names = [agent.name for agent in view.outcome.pending]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "nobody waits"


def _decide(view: RunView, agents: list[AgentOutcome], decision: Decision, why: str) -> None:
    """Write decisions into the ledger, each about exactly the module that is on disk and on record."""
    from creator.files import digest
    from creator.ledger.store import FILE_NAME, Ledger
    from creator.modules import load_agent

    directory = view.outcome.directory
    for agent in agents:
        source = load_agent(directory / "agents", agent.name).source
        if decision == "approved" and digest(source) != agent.sha256:
            raise UsageError(f"The module of {agent.name!r} was changed since it was checked: reject it instead.")
    ledger = Ledger.open(directory / FILE_NAME)
    try:
        for agent in agents:
            ledger.record_decision(agent.name, agent.sha256, decision, why)
    finally:
        asyncio.run(ledger.close())
