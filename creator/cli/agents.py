"""``agents``: who a run spawned."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from creator.cli._agents_deciding import approve, regenerate, reject
from creator.cli._agents_talking import ask, chat
from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    open_run,
    option_for,
    print_json,
    reading_options,
    stdout_console,
)
from creator.errors import EnvironmentFault, UsageError

_MAX_SOURCE_BYTES: Final = 1_000_000


@click.group(cls=DefaultGroup)
def agents() -> None:
    """List the agents of a run, or show one's source.

    "agents [RUN]" is short for "agents list [RUN]". RUN is a run's id, the beginning of one, or latest.
    """


@agents.command("list")
@click.argument("run", required=False)
@reading_options
def list_agents(run: str | None, output: str | None, as_json: bool) -> None:
    """List the agents of RUN [default: latest]."""
    view = open_run(output, run)
    outcome = view.outcome
    if as_json:
        found = [agent.model_dump(mode="json") for agent in outcome.agents]
        print_json({"run_id": outcome.run_id, "state": view.state, "agents": found})
        return
    from rich.text import Text

    from creator.cli._tables import agents_table
    from creator.text import clean

    console = stdout_console()
    folder = option_for(outcome.directory.parent)
    if not outcome.agents:
        console.print(f"No agents in run {outcome.run_id} ({view.state}).")
        return
    console.print(agents_table(outcome.agents, outcome.ideas))
    for agent in outcome.failed:
        reason = clean(agent.reason, 500) or "no reason given"
        console.print(Text.assemble(("failed  ", "bold red"), f"{clean(agent.name, 64)}: {reason}"))
    if outcome.live:
        console.print(f"See one: {PROGRAM} agents show {clean(outcome.live[0].name, 64)}{folder}", soft_wrap=True)


@agents.command("show")
@click.argument("name")
@click.option("--run", metavar="RUN", help="A run's id, the beginning of one, or latest [default: latest].")
@reading_options
def show_agent(name: str, run: str | None, output: str | None, as_json: bool) -> None:
    """Show the source of agent NAME."""
    from creator.text import clean, clean_lines
    from sandbox.protocol import AGENT_NAME

    view = open_run(output, run)
    outcome = view.outcome
    agent = next((agent for agent in outcome.agents if agent.name == name), None)
    folder = outcome.directory / "agents"
    source = _read(folder / f"{name}.py") if AGENT_NAME.fullmatch(name) else None
    if agent is None and source is None:
        near = difflib.get_close_matches(name, [agent.name for agent in outcome.agents], n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}?" if near else f"See: {PROGRAM} agents"
        raise UsageError(f"No agent {clean(name, 64)!r} in run {outcome.run_id}. {hint}")
    if as_json:
        print_json(
            {
                "run_id": outcome.run_id,
                **(agent.model_dump(mode="json") if agent is not None else {"name": name}),
                "blueprint": _blueprint(folder / f"{name}.json"),
                "source": source,
            }
        )
        return
    if source is None:
        reason = clean(agent.reason, 500) if agent is not None else ""
        raise UsageError(f"Agent {clean(name, 64)!r} has no module: {reason or 'it was never written'}")
    text = clean_lines(source)
    console = stdout_console()
    if not console.is_terminal:
        sys.stdout.write(text)  # as a file: no wrapping, no colours
        return
    from rich.syntax import Syntax
    from rich.text import Text

    if agent is not None:
        facts = [agent.state, clean(agent.sector, 80), clean(agent.role, 80), clean(agent.reason, 200)]
        console.rule(Text(f"{name}: {', '.join(fact for fact in facts if fact)}"), align="left", style="dim")
    console.print(Syntax(text, "python", theme="ansi_dark", word_wrap=True, background_color="default"))
    console.print(Text(str(folder / f"{name}.py"), "dim"), soft_wrap=True)


for _command in (approve, reject, regenerate, ask, chat):
    agents.add_command(_command)


def _read(path: Path) -> str | None:
    try:
        if path.is_symlink() or not path.is_file():
            return None
        if path.stat().st_size > _MAX_SOURCE_BYTES:
            raise EnvironmentFault(f"{str(path)!r} is too large to be a module of an agent.")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise EnvironmentFault(f"Cannot read {str(path)!r}: {error.strerror or error}.") from None


def _blueprint(path: Path) -> Any:
    text = _read(path)
    try:
        return json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None
