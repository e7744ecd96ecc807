"""``agents keep``, ``library`` and ``forget``: good agents, kept for other runs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from creator.cli import _completing
from creator.cli._shared import (
    PROGRAM,
    debug_option,
    json_option,
    library_folder,
    library_option,
    output_folder,
    output_option,
    print_json,
    run_option,
    stdout_console,
)
from creator.text import clean

if TYPE_CHECKING:
    from creator.library import Kept


@click.command("keep")
@click.argument("name", shell_complete=_completing.agents)
@click.option("--as", "as_name", metavar="NEWNAME", help="Its name in the library [default: the same].")
@click.option("--force", is_flag=True, help="Replace an agent that is kept under that name.")
@run_option
@library_option
@output_option
@debug_option
def keep(name: str, as_name: str | None, force: bool, run: str | None, library: str | None, output: str | None) -> None:
    """Keep the live agent NAME of a run for other runs."""
    from creator.ledger.view import find_run
    from creator.library import keep as keep_agent

    folder = library_folder(library)
    kept = keep_agent(find_run(output_folder(output), run or "latest"), name, folder, as_name=as_name, force=force)
    click.echo(f"Kept: {kept.name}, in {clean(str(folder))}")
    click.echo(f"Let it take part: {PROGRAM} spawn 5 --with {kept.name}{_option(library)}")


@click.command("library")
@library_option
@json_option
@debug_option
def library(library: str | None, as_json: bool) -> None:
    """List the agents that were kept."""
    from creator.library import kept

    folder = library_folder(library)
    found = kept(folder)
    if as_json:
        print_json({"library": str(folder), "agents": [_facts(one) for one in found]})
        return
    console = stdout_console()
    if not found:
        console.print(
            f"No agents in {clean(str(folder))!r}. Keep one: {PROGRAM} agents keep NAME{_option(library)}",
            soft_wrap=True,
        )
        return
    from rich.text import Text

    from creator.cli._tables import library_table

    console.print(library_table(found))
    for one in found:
        if one.problem:
            console.print(Text.assemble(("problem ", "bold red"), clean(one.problem, 500)))
    usable = next((one.name for one in found if not one.problem), None)
    if usable is not None:
        console.print(f"Let one take part: {PROGRAM} spawn 5 --with {usable}{_option(library)}", soft_wrap=True)


@click.command("forget")
@click.argument("name", shell_complete=_completing.kept_agents)
@library_option
@debug_option
def forget(name: str, library: str | None) -> None:
    """Remove the kept agent NAME from the library; its run stays as it is."""
    from creator.library import forget as forget_agent

    forget_agent(library_folder(library), name)
    click.echo(f"Forgotten: {name}")


def _option(library: str | None) -> str:
    """What a suggested command needs so that it finds the same library."""
    return "" if library is None else f" --library {shlex.quote(clean(library))}"


def _facts(kept: Kept) -> dict[str, Any]:
    blueprint, origin = kept.blueprint, kept.origin
    if blueprint is None or origin is None:
        return {"name": kept.name, "problem": kept.problem}
    return {
        "name": kept.name,
        "problem": "",
        "persona": blueprint.persona,
        "sector": blueprint.sector,
        "template": blueprint.template,
        "author": blueprint.author,
        "origin": origin.model_dump(mode="json"),
    }
