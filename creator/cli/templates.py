"""``templates``: what agents can be made from, and whether a template of one's own works."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from creator.cli import _completing
from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    debug_option,
    json_option,
    print_json,
    stdout_console,
    templates_option,
)

if TYPE_CHECKING:
    from creator.templates.checks import Check
    from creator.templates.finding import Found

_STEPS: Final = ("read", "render", "compile", "policy", "cell")
_MAX_PROBLEMS: Final = 8
"""Lines about one step of one template; what is wrong with each of twenty examples is mostly the same."""


@click.group(cls=DefaultGroup)
def templates() -> None:
    """List the templates that agents can be made from, show one, or check your own.

    "templates" alone is short for "templates list". Templates of your own lie in folders that --templates,
    CREATOR_TEMPLATES or creator.toml names.
    """


@templates.command("list")
@templates_option
@json_option
@debug_option
def list_templates(templates: tuple[str, ...], as_json: bool) -> None:
    """List all templates that are found."""
    from creator.templates.finding import usable

    scanned = _scan(templates)
    found = usable(scanned)
    broken = [one for one in scanned if one.problem is not None]
    if as_json:
        print_json(
            {
                "templates": [
                    {
                        "name": name,
                        "folder": str(one.folder),
                        "slots": len(one.schema["properties"]),
                        "description": one.description,
                    }
                    for name, one in sorted(found.items())
                ],
                "broken": [
                    {"name": one.name, "folder": str(one.folder), "problem": str(one.problem)} for one in broken
                ],
            }
        )
        return
    from rich.text import Text

    from creator.cli._template_tables import templates_table
    from creator.text import clean

    console = stdout_console()
    console.print(templates_table(sorted(found.values(), key=lambda one: one.name)))
    for one in broken:
        line = f"{one.problem} (in {clean(str(one.folder), 200)!r})"
        console.print(Text.assemble(("broken  ", "bold red"), line), soft_wrap=True)
    console.print(f"Use some: {PROGRAM} spawn 8 --template idea_agent:3,critic_agent:1", soft_wrap=True)


@templates.command("show")
@click.argument("name", shell_complete=_completing.templates)
@templates_option
@json_option
@debug_option
def show_template(name: str, templates: tuple[str, ...], as_json: bool) -> None:
    """Show the slots and the text of template NAME."""
    from creator.templates.finding import named
    from creator.text import clean, clean_lines

    template = named(name, _scan(templates))
    if as_json:
        print_json(
            {
                "name": template.name,
                "folder": str(template.folder),
                "schema": template.schema,
                "hints": template.hints,
                "source": template.source,
            }
        )
        return
    from rich.text import Text

    from creator.cli._template_tables import slots_table

    console = stdout_console()
    where = clean(str(template.folder), 300)
    console.print(Text(f"{template.name}: {template.description or 'no description'}"), soft_wrap=True)
    console.print(slots_table(template))
    console.print(Text(f"{where}/{template.file}", "dim"), soft_wrap=True)
    text = clean_lines(template.source)
    if not console.is_terminal:
        sys.stdout.write(text)  # as a file: no wrapping, no colours
        return
    from rich.syntax import Syntax

    console.print(Syntax(text, "python+jinja", theme="ansi_dark", word_wrap=True, background_color="default"))


@templates.command("check")
@click.argument("wanted", nargs=-1, metavar="[NAME|FOLDER]...", shell_complete=_completing.templates)
@click.option("--static", is_flag=True, help="Only look at it: start no sandbox and no agent.")
@click.option(
    "--sandbox",
    metavar="NAME",
    shell_complete=_completing.sandboxes,
    help="Where agents are tried: auto, docker, bubblewrap or process.",
)
@templates_option
@json_option
@debug_option
def check_templates(
    wanted: tuple[str, ...], static: bool, sandbox: str | None, templates: tuple[str, ...], as_json: bool
) -> int:
    """Check templates by name, or all of a FOLDER [default: all].

    Each is filled with ordinary and with extreme values. What comes out has to compile, to pass the policy, and to
    live in a cell, where it is asked for an idea by a model that answers from a script.

    Exit codes: 0 when nothing is wrong, 1 when something is, 2 when the check cannot be made.
    """
    from creator.templates.checks import check_template

    checks: list[Check] = []
    for number, found in enumerate(_wanted(wanted, templates), start=1):
        check = check_template(found, number)
        checks.append(check)
        if not as_json:
            _print_steps(check, "read", "render", "compile", "policy")
    if not static:
        _try(checks, sandbox, quiet=as_json)
        if not as_json:
            for check in checks:
                _print_steps(check, "cell")
    works = all(check.works for check in checks)
    if as_json:
        print_json({"works": works, "templates": [_told(check) for check in checks]})
    else:
        broken = sum(not check.works for check in checks)
        click.echo(f"Templates that work: {len(checks) - broken} of {len(checks)}.")
    return 0 if works else 1


def _scan(folders: tuple[str, ...]) -> list[Found]:
    from creator.settings import TemplateSettings
    from creator.templates.finding import scan

    return scan(TemplateSettings.load({"templates": folders}).templates)


def _wanted(wanted: tuple[str, ...], folders: tuple[str, ...]) -> list[Found]:
    """The templates that a user names; a broken one is found under its name as well."""
    from creator.errors import UsageError
    from creator.templates.finding import named, read_folder
    from creator.text import clean

    scanned = _scan(folders)
    chosen: list[Found] = [] if wanted else scanned
    for one in wanted:
        same = [found for found in scanned if found.name == one]
        if not same and Path(one).is_dir():
            same = read_folder(Path(one))
            if not same:
                raise UsageError(f"the folder {clean(one, 200)!r} holds no NAME.py.j2")
        if not same:
            named(one, scanned)  # says what there is
        chosen += same
    return chosen


def _try(checks: list[Check], sandbox: str | None, *, quiet: bool) -> None:
    """Start what the templates that nothing is wrong with gave."""
    from creator.progress import make_progress
    from creator.settings import SpawnSettings
    from creator.visits import try_modules

    modules = {name: module for check in checks if check.works for name, module in check.modules.items()}
    if not modules:
        return
    settings = SpawnSettings.load({"count": 1, "sandbox": sandbox})
    progress = make_progress(len(modules), quiet=quiet, stream=sys.stderr)
    try:
        reasons = asyncio.run(try_modules(settings, modules, progress, own=True))
    finally:
        progress.finish()
    for check in checks:
        if check.works:
            check.note_trials(reasons)


def _print_steps(check: Check, *steps: Any) -> None:
    for step in steps:
        beginning = f"{check.name:<20}  {step:<7}  "
        match check.state(step):
            case "ok":
                count = check.tried.get(step)
                click.echo(f"{beginning}ok{f', {count} examples' if count else ''}")
            case "not tried":
                click.echo(f"{beginning}not tried")
            case "wrong":
                problems = check.problems[step]
                for problem in problems[:_MAX_PROBLEMS]:
                    click.echo(f"{beginning}{problem}")
                if len(problems) > _MAX_PROBLEMS:
                    click.echo(f"{beginning}and {len(problems) - _MAX_PROBLEMS} more")


def _told(check: Check) -> dict[str, Any]:
    """A check as JSON."""
    return {
        "name": check.name,
        "folder": str(check.folder),
        "works": check.works,
        "steps": [
            {
                "step": step,
                "state": check.state(step),
                "examples": check.tried.get(step, 0),
                "problems": [
                    {"place": problem.place, "text": problem.text, "examples": list(problem.examples)}
                    for problem in check.problems.get(step, [])
                ],
            }
            for step in _STEPS
        ],
    }
