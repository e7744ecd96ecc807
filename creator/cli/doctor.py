"""``doctor``: what works on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from creator.cli._shared import EXIT_USAGE, PROGRAM, output_folder, print_json, reading_options, stdout_console
from creator.errors import CreatorError
from creator.text import clean

if TYPE_CHECKING:
    from creator.health.check import Check

_STYLES: Final = {"ok": "green", "missing": "yellow", "broken": "bold red"}
_EXIT_NOT_MENDED: Final = 1


@click.command()
@reading_options
@click.option("--mend", "mend_all", is_flag=True, help="Mend all that can be mended, without asking.")
@click.option("--clean", "clean_up", is_flag=True, help="Remove what dead runs and earlier versions left behind.")
def doctor(output: str | None, as_json: bool, mend_all: bool, clean_up: bool) -> int:
    """Tell what works on this machine, what is missing, and what to do about it.

    On a terminal it offers to mend what it can: to build the sandbox image, to fetch the embedded model, to write a
    lost report again, to remove leftovers.

    Exit codes: 0 when "spawn" can do its job, 2 when it cannot; with --mend and --clean, 1 when something could not
    be done.
    """
    if clean_up:
        return _clean_up(as_json)
    from creator.health.machine import look

    folder = output_folder(output)
    checks = list(look(folder))
    if not as_json:
        _print_checks(checks)
    done = _mend(checks, ask=not mend_all, quiet=as_json) if mend_all or _asks(as_json) else {}
    if done:
        checks = list(look(folder))
        if not as_json:
            click.echo("\nLooked at again:")
            _print_checks(checks)
    works = all(check.state != "broken" for check in checks)
    sandbox, facts = _sandbox()
    if as_json:
        told = {"sandbox": {"name": sandbox, "facts": facts}, "mended": done}
        print_json({"works": works, "checks": [_as_json(check) for check in checks], **told})
    else:
        _print_sandbox(sandbox, facts)
        if any(check.mend for check in checks) and not done:
            click.echo(f"\nTo mend what can be mended: {PROGRAM} doctor --mend")
        click.echo(f"\nReady: {PROGRAM} spawn 5" if works else '\nMend what is "broken" first.')
    if not works:
        return EXIT_USAGE
    return _EXIT_NOT_MENDED if any(done.values()) else 0


def _asks(as_json: bool) -> bool:
    """Whether somebody is there to ask."""
    return not as_json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _mend(checks: Sequence[Check], *, ask: bool, quiet: bool) -> dict[str, str]:
    """Mend what can be mended.

    Returns:
        By name of what was tried: why it could not be mended, or an empty text.
    """

    def say(line: str) -> None:
        if not quiet:
            click.echo(f"  {clean(line, 300)}")

    done: dict[str, str] = {}
    for check in checks:
        if check.mend is None:
            continue
        if ask:
            if not click.confirm(f"\n{clean(check.mend.question, 300)}", default=True):
                continue
        elif not quiet:
            click.echo(f"\n{check.name}: {clean(check.found, 300)}")
        try:
            check.mend.run(say)
            done[check.name] = ""
            say("done")
        except Exception as error:  # the engine's client, pip and the disk each have their own
            done[check.name] = clean(str(error) or type(error).__name__, 400)
            say(f"not mended: {done[check.name]}")
    return done


def _sandbox() -> tuple[str, dict[str, str]]:
    """The sandbox that a run would get, and what is in force in it; no facts and the reason when there is none."""
    from creator.health.check import first_line
    from creator.isolation import inspect_sandbox
    from creator.settings import SpawnSettings

    try:
        return asyncio.run(inspect_sandbox(SpawnSettings.load({"count": 1})))
    except CreatorError as error:
        return first_line(error), {}


def _as_json(check: Check) -> dict[str, object]:
    told = {"name": check.name, "state": check.state, "found": check.found, "todo": check.todo}
    return {**told, "mendable": check.mend is not None}


def _print_checks(checks: Sequence[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for check in checks:
        table.add_row(Text(check.state, _STYLES[check.state]), Text(check.name), Text(clean(check.found, 400)))
        if check.todo:
            table.add_row("", "", Text(clean(check.todo, 400), "dim"))
    stdout_console().print(table)


def _print_sandbox(sandbox: str, facts: dict[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    console = stdout_console()
    if not facts:
        console.print(f"\nNo sandbox was looked at: {clean(sandbox, 400)}")
        return
    console.print(f"\nWhat is in force in a cell of the sandbox {sandbox!r}, as the kernel tells it there:")
    rows = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        rows.add_row(Text(f"  {name}"), Text(clean(fact, 400)))
    console.print(rows)


def _clean_up(as_json: bool) -> int:
    """Remove leftovers, one line each."""
    from creator.health.sandboxes import remove_leftovers
    from creator.settings import SpawnSettings

    lines = [
        {"kind": leftover.kind, "name": leftover.name, "problem": problem}
        for leftover, problem in remove_leftovers(SpawnSettings.load({"count": 1}).base_image)
    ]
    if as_json:
        print_json(lines)
    else:
        for line in lines:
            outcome = f"not removed: {clean(line['problem'], 200)}" if line["problem"] else "removed"
            click.echo(f"{line['kind']} {clean(line['name'], 100)}: {outcome}")
        if not lines:
            click.echo("Nothing is left over.")
    return _EXIT_NOT_MENDED if any(line["problem"] for line in lines) else 0
