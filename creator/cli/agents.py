"""``agents``: who a run spawned. What can be done with agents stands in files of its own, beside this one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from creator.agent_files import module_of, read_file
from creator.cli import _completing
from creator.cli._agents_adopting import adopt
from creator.cli._agents_deciding import approve, edit, regenerate, reject
from creator.cli._agents_export import export
from creator.cli._agents_family import add, tree
from creator.cli._agents_library import forget, keep, library
from creator.cli._agents_origin import diff, why
from creator.cli._agents_talking import ask, chat
from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    open_run,
    options_for,
    print_json,
    reading_options,
    run_option,
    stdout_console,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from creator.outcome import AgentOutcome, RunOutcome

_SHOWN_PENDING: Final = 3


@click.group(cls=DefaultGroup)
def agents() -> None:
    """Look at the agents of a run; compare, export and keep them.

    "agents [RUN]" is short for "agents list [RUN]". RUN is a run's id, the beginning of one, or latest.
    """


@agents.command("list")
@click.argument("run", required=False, shell_complete=_completing.runs)
@reading_options
def list_agents(run: str | None, output: str | None, as_json: bool) -> None:
    """List the agents of RUN [default: latest]."""
    view = open_run(output, run)
    outcome = view.outcome
    if as_json:
        print_json(
            {
                "run_id": outcome.run_id,
                "state": view.state,
                "agents": [_facts(agent, outcome) for agent in outcome.agents],
            }
        )
        return
    from creator.cli._tables import agents_table
    from creator.text import clean

    console = stdout_console()
    if not outcome.agents:
        console.print(f"No agents in run {outcome.run_id} ({view.state}).")
        return
    console.print(agents_table(outcome.agents, outcome.ideas))
    options = options_for(view, run)
    _print_others(console, outcome)
    if outcome.pending:
        console.print(
            f"Approve: {PROGRAM} agents approve {clean(outcome.pending[0].name, 64)}{options}", soft_wrap=True
        )
    if outcome.failed:
        console.print(f"Tell why: {PROGRAM} agents why {clean(outcome.failed[0].name, 64)}{options}", soft_wrap=True)
    if outcome.live:
        console.print(f"See one: {PROGRAM} agents show {clean(outcome.live[0].name, 64)}{options}", soft_wrap=True)


def _facts(agent: AgentOutcome, outcome: RunOutcome) -> dict[str, Any]:
    return {
        **agent.model_dump(mode="json"),
        "ideas": [idea.number for idea in outcome.ideas if idea.author == agent.name],
        "refined": [idea.number for idea in outcome.ideas if agent.name in idea.contributors],
    }


def _print_others(console: Console, outcome: RunOutcome) -> None:
    """Whoever is not live, and why."""
    from rich.text import Text

    from creator.text import clean

    for agent in outcome.failed:
        reason = clean(agent.reason, 500) or "no reason given"
        console.print(Text.assemble(("failed  ", "bold red"), f"{clean(agent.name, 64)}: {reason}"))
    if outcome.pending:
        names = [clean(agent.name, 64) for agent in outcome.pending]
        more = f" and {len(names) - _SHOWN_PENDING} more" if len(names) > _SHOWN_PENDING else ""
        verb = "waits" if len(names) == 1 else "wait"
        waiting = f"{', '.join(names[:_SHOWN_PENDING])}{more} {verb} for your decision"
        console.print(Text.assemble(("pending ", "bold yellow"), waiting))


@agents.command("show")
@click.argument("name", shell_complete=_completing.agents)
@run_option
@reading_options
def show(name: str, run: str | None, output: str | None, as_json: bool) -> None:
    """Show the source of agent NAME."""
    from creator.ledger.view import find_agent
    from creator.text import clean, clean_lines

    outcome = open_run(output, run).outcome
    agent = find_agent(outcome, name)
    folder = outcome.directory / "agents"
    if as_json:
        data = read_file(outcome.directory, f"agents/{name}.py")
        print_json(
            {
                "run_id": outcome.run_id,
                **agent.model_dump(mode="json"),
                "blueprint": _blueprint(outcome.directory, name),
                "source": None if data is None else data.decode("utf-8", "replace"),
            }
        )
        return
    text = clean_lines(module_of(outcome.directory, agent))
    console = stdout_console()
    if not console.is_terminal:
        sys.stdout.write(text)  # as a file: no wrapping, no colours
        return
    from rich.syntax import Syntax
    from rich.text import Text

    facts = [agent.state, clean(agent.sector, 80), clean(agent.role, 80), clean(agent.reason, 200)]
    console.rule(Text(f"{name}: {', '.join(fact for fact in facts if fact)}"), align="left", style="dim")
    console.print(Text(_origin(agent), "dim"))
    console.print(Syntax(text, "python", theme="ansi_dark", word_wrap=True, background_color="default"))
    console.print(Text(str(folder / f"{name}.py"), "dim"), soft_wrap=True)


def _origin(agent: AgentOutcome) -> str:
    from creator.text import clean

    template = f", template {clean(agent.template, 64)}" if agent.template else ""
    parents = f"; stems from {', '.join(clean(parent, 64) for parent in agent.parents[:8])}" if agent.parents else ""
    return f"author {clean(agent.author, 20)}{template}{parents}"


def _blueprint(directory: Path, name: str) -> Any:
    data = read_file(directory, f"agents/{name}.json")
    try:
        return json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None


# Every command that stands in another file is put into the group here.
for _command in (
    approve,
    reject,
    edit,
    regenerate,
    add,
    tree,
    ask,
    chat,
    why,
    diff,
    export,
    keep,
    library,
    forget,
    adopt,
):
    agents.add_command(_command)
