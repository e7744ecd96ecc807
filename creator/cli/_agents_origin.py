"""``agents why`` and ``agents diff``: where an agent comes from, and how it differs from another module."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from creator.agent_files import module_of
from creator.cli import _completing
from creator.cli._shared import open_run, print_json, reading_options, run_option, stdout_console
from creator.text import clean

if TYPE_CHECKING:
    from rich.console import Console

    from creator.certificate import Certificate

_FILE_STYLES = {"unchanged": "", "changed": "bold red", "missing": "red", "unknown": "yellow"}


@click.command("why")
@click.argument("name", shell_complete=_completing.agents)
@run_option
@reading_options
def why(name: str, run: str | None, output: str | None, as_json: bool) -> None:
    """Show the birth certificate of agent NAME: what it was asked to be, every try, every decision."""
    from creator.certificate import certificate_of
    from creator.ledger.view import find_agent

    view = open_run(output, run)
    certificate = certificate_of(view, find_agent(view.outcome, name))
    if as_json:
        about = certificate.model_dump(mode="json")
        print_json({"run_id": view.outcome.run_id, **about.pop("agent"), **about})
        return
    _print_certificate(stdout_console(), certificate)


def _print_certificate(console: Console, certificate: Certificate) -> None:
    from rich.table import Table
    from rich.text import Text

    from creator.certificate import FILE_STATES

    agent = certificate.agent
    console.print(Text(f"{agent.name}, {agent.state}", "bold"))
    if agent.reason:
        console.print(Text(clean(agent.reason, 500), "red"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in _facts(certificate):
        facts.add_row(label, Text(clean(value, 300)))
    facts.add_row("File", Text(clean(str(certificate.path), 300)))
    facts.add_row("", Text(FILE_STATES[certificate.file], _FILE_STYLES[certificate.file]))
    console.print(facts)
    _print_list(
        console, "Found on the way", [f"try {one.attempt}  {one.stage}: {one.finding}" for one in certificate.tries]
    )
    _print_list(
        console,
        "Decisions of people",
        [f"{one.decision}: {one.why}" if one.why else one.decision for one in certificate.decisions],
    )
    _print_list(console, "History", [f"{_time(moment.at)}  {moment.what}" for moment in certificate.history])


def _facts(certificate: Certificate) -> list[tuple[str, str]]:
    agent, brief = certificate.agent, certificate.brief
    made = [agent.author, *([f"template {agent.template}"] if agent.template else [])]
    ideas = [f"{number} {title}" for number, title in certificate.ideas.items()]
    facts = [
        ("Persona", certificate.persona),
        ("Sector", brief.sector if brief is not None else agent.sector),
        ("Role", brief.role if brief is not None else agent.role),
        ("Temperament", brief.temperament if brief is not None else ""),
        ("Topic", brief.topic if brief is not None else ""),
        ("Written by", ", ".join(made)),
        ("Model", certificate.model),
        ("Parents", ", ".join(agent.parents) or "none"),
        ("Tries", str(agent.attempts)),
        ("Born", _time(certificate.born) if certificate.born is not None else "never"),
        ("Ideas", "; ".join(ideas) or "none"),
        ("Refined", ", ".join(f"idea {number}" for number in certificate.refined) or "none"),
        ("Tokens", f"{agent.prompt_tokens:,} read, {agent.completion_tokens:,} written"),
        ("SHA-256", agent.sha256),
    ]
    return [(label, value) for label, value in facts if value]


def _print_list(console: Console, title: str, lines: list[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not lines:
        return
    console.print(Text(f"\n{title}", "bold cyan"))
    for line in lines:
        console.print(Padding(Text(clean(line, 500)), (0, 0, 0, 2)))


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


@click.command("diff")
@click.argument("name", shell_complete=_completing.agents)
@click.argument("other", required=False, shell_complete=_completing.agents)
@run_option
@reading_options
def diff(name: str, other: str | None, run: str | None, output: str | None, as_json: bool) -> None:
    """Show how the module of agent NAME differs from OTHER's.

    Without OTHER: from the module that it replaced when it was regenerated, or else from what its template gives for
    the same brief without a model.
    """
    from creator.ledger.view import find_agent
    from creator.origin import origin_of
    from creator.review.difference import difference, render_difference

    outcome = open_run(output, run).outcome
    agent = find_agent(outcome, name)
    source = module_of(outcome.directory, agent)
    if other is not None:
        (old, old_name), (new, new_name) = (
            (source, name),
            (module_of(outcome.directory, find_agent(outcome, other)), other),
        )
    else:
        old, old_name = origin_of(outcome.directory, agent, source)
        new, new_name = source, name
    text = difference(old, new, old_name, new_name)
    if as_json:
        print_json({"run_id": outcome.run_id, "old": old_name, "new": new_name, "difference": text})
        return
    if not text:
        click.echo(f"{old_name} and {new_name}: no difference", err=True)
        return
    console = stdout_console()
    if console.is_terminal:
        console.print(render_difference(text))
    else:
        sys.stdout.write(text)  # as a file: no wrapping, no colours
