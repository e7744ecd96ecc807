"""``agents export``: an agent leaves the sandbox."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from creator.agent_files import module_of
from creator.cli import _completing
from creator.cli._shared import debug_option, free_target, open_run, output_option, run_option
from creator.text import clean, clean_lines

if TYPE_CHECKING:
    from pathlib import Path

    from creator.outcome import AgentOutcome

_OPTION = "--to"


@click.command("export")
@click.argument("name", shell_complete=_completing.agents)
@click.option(
    "--as",
    "form",
    type=click.Choice(["component", "module"]),
    required=True,
    help="component: JSON for AutoGen and AutoGen Studio. module: a Python script that needs AutoGen and a key.",
)
@click.option(_OPTION, "to", metavar="FILE", shell_complete=_completing.files, help="Where to [default: printed].")
@click.option("--force", is_flag=True, help="Replace FILE.")
@run_option
@output_option
@debug_option
def export(name: str, form: str, to: str | None, force: bool, run: str | None, output: str | None) -> None:
    """Export agent NAME for use outside of the sandbox.

    Outside, an exported module has your rights and your key: read it first.
    """
    from creator.exporting import component_of, script_of
    from creator.ledger.view import find_agent

    target = None if to is None else free_target(to, force)
    outcome = open_run(output, run).outcome
    agent = find_agent(outcome, name)
    source = module_of(outcome.directory, agent)
    if form == "component":
        text = json.dumps(component_of(source, name=name, model=outcome.model), indent=2) + "\n"
    else:
        text = script_of(source, name=name, objective=outcome.objective, model=outcome.model)
    if target is not None:
        from creator.outputs import write_atomically

        write_atomically(target, text, _OPTION)
        click.echo(f"Written: {clean(str(target))}")
    elif sys.stdout.isatty():
        click.echo(clean_lines(text), nl=False)
    else:
        click.echo(text.encode("utf-8"), nl=False)  # to the byte, whatever the locale
    _warn(outcome.directory, agent)


def _warn(directory: Path, agent: AgentOutcome) -> None:
    """What to know of a module before it is used where nothing confines it."""
    from creator.certificate import file_state

    if file_state(directory, agent) == "changed":
        click.echo(f"Note: the file of {agent.name} was changed after it was checked.", err=True)
    if agent.state == "pending":
        click.echo(f"Note: nobody has approved {agent.name} yet.", err=True)
    if agent.state == "failed":
        click.echo(f"Note: {agent.name} failed: {clean(agent.reason, 300) or 'no reason given'}", err=True)
