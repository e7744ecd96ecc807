"""``agents adopt``: modules from elsewhere, rewritten, checked, tried, and put into the library."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from creator.cli import _completing
from creator.cli._shared import (
    PROGRAM,
    State,
    calm_libraries,
    debug_option,
    library_folder,
    library_option,
    print_json,
    stdout_console,
)
from creator.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from creator.adopting import Adoption
    from creator.agents.messages import Created


@click.command("adopt")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, shell_complete=_completing.files)
@click.option("--as", "name", metavar="NAME", help="The agent's name; for one file [default: the file's].")
@library_option
@click.option(
    "--sandbox",
    metavar="NAME",
    shell_complete=_completing.sandboxes,
    help="Where it is tried: auto, docker, bubblewrap or process.",
)
@click.option("--unsafe", is_flag=True, default=None, help="Let a plain process run it.")
@click.option("--dry-run", is_flag=True, help="Show the rewrite, start and keep nothing.")
@click.option("--force", is_flag=True, help="Replace one of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debug_option
@click.pass_context
def adopt(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    name: str | None,
    library: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Take AutoGen modules from elsewhere into the library, for spawn --with NAME.

    Each has a class Agent(RoutedAgent), as in the usual course exercise. It is read, rewritten onto our kit (the
    difference is shown), judged by the policy, and tried in a sandbox. What cannot be mapped is named.
    """
    from creator.adopting import persona_of
    from creator.blueprint import unique_name
    from creator.text import clean

    calm_libraries((ctx.find_object(State) or State()).debug)
    if name is not None and len(files) > 1:
        raise UsageError("--as names one agent: adopt one file at a time with it.")
    if name is not None and name != unique_name(name, set()):
        raise UsageError(f"{clean(name, 64)!r} is no name for an agent: use --as {unique_name(name, set())}.")
    adoptions = {name or persona_of(Path(file).name): _read(file) for file in files}
    if len(adoptions) < len(files):
        raise UsageError("Two of these files would have the same name: adopt one at a time, with --as NAME.")
    problems = {one: _problem(adoption) for one, adoption in adoptions.items()}
    if not as_json:
        console = stdout_console()
        for one, adoption in adoptions.items():
            _show(console, one, adoption)
    good = {one: adoptions[one] for one, problem in problems.items() if not problem}
    if good and not dry_run:
        problems |= _take_in(good, library, force, options)
    return _tell(adoptions, problems, dry_run, as_json)


def _read(file: str) -> Adoption:
    from creator.adopting import adopt as rewritten
    from creator.files import read_bounded
    from creator.policy import MAX_SOURCE_BYTES
    from creator.text import clean

    path, shown = Path(file), clean(file, 200)
    try:
        source = read_bounded(path, MAX_SOURCE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"Cannot adopt {shown!r}: it is not UTF-8 text.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot read {shown!r}: {getattr(error, 'strerror', None) or error}.") from None
    return rewritten(source, path.name)


def _problem(adoption: Adoption) -> str:
    if adoption.findings:
        more = len(adoption.findings) - 1
        return f"the policy refuses it: {adoption.findings[0]}{f' (and {more} more)' if more else ''}"
    return ""


def _show(console: Console, name: str, adoption: Adoption) -> None:
    from rich.text import Text

    from creator.review.difference import render_difference
    from creator.text import clean

    console.rule(Text(f"{name}, from {clean(adoption.filename, 100)}"), align="left", style="dim")
    console.print(render_difference(adoption.difference), soft_wrap=True)
    for change in adoption.changes:
        console.print(Text.assemble(("mapped    ", "green"), clean(change, 300)))
    for unmapped in adoption.unmapped:
        console.print(Text.assemble(("unmapped  ", "yellow"), clean(unmapped, 300)))
    for finding in adoption.findings[:10]:
        console.print(Text.assemble(("refused   ", "bold red"), clean(str(finding), 300)))


def _take_in(good: dict[str, Adoption], library: str | None, force: bool, options: dict[str, Any]) -> dict[str, str]:
    """Try them, and keep those that work."""
    from creator.library import store
    from creator.progress.plain import PlainProgress
    from creator.settings import SpawnSettings
    from creator.visits import try_modules

    folder = library_folder(library)
    settings = SpawnSettings.load({"count": len(good), **options})
    modules = {name: adoption.source for name, adoption in good.items()}
    problems = asyncio.run(try_modules(settings, modules, PlainProgress(len(good), sys.stderr)))
    for name, adoption in good.items():
        if not problems[name]:
            store(_agent(name, adoption), folder, name=name, force=force)
    return problems


def _agent(name: str, adoption: Adoption) -> Created:
    """What is known of an agent that nobody here wrote."""
    from creator.agents.messages import Created
    from creator.blueprint import Blueprint
    from creator.briefs import Brief

    brief = Brief(sector="unknown", role="adopted agent", temperament="its own", topic="what it was written for")
    slots = {"persona": name.replace("_", " ").title(), "sector": brief.sector}
    blueprint = Blueprint(
        name=name, template="adopted", author="adopted", slots=slots, brief=brief, run_id="adopted", model="unknown"
    )
    return Created(blueprint=blueprint, source=adoption.source)


def _tell(adoptions: dict[str, Adoption], problems: dict[str, str], dry_run: bool, as_json: bool) -> int:
    from creator.text import clean

    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "file": adoption.filename,
                    "changes": adoption.changes,
                    "unmapped": adoption.unmapped,
                    "findings": [str(finding) for finding in adoption.findings],
                    "difference": adoption.difference,
                    "problem": problems[name],
                    "kept": not problems[name] and not dry_run,
                }
                for name, adoption in adoptions.items()
            ]
        )
    else:
        for name, problem in problems.items():
            if problem:
                click.echo(f"not adopted: {name}: {clean(problem, 500)}")
            elif not dry_run:
                click.echo(f"adopted: {name}. Bring it in: {PROGRAM} spawn 5 --with {name}")
    return 1 if any(problems.values()) else 0
