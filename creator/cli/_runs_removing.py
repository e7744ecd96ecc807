"""``runs rm``: runs that nobody needs any more."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import click

from creator.cli import _completing
from creator.cli._runs_facts import read_run, size_of
from creator.cli._shared import debug_option, output_folder, output_option, stdout_console
from creator.errors import EnvironmentFault, UsageError
from creator.text import clean

_EMPTY_FOLDERS: Final = frozenset({"agents", "ideas"})
"""All that a run has which ended before it wrote anything."""
_EXIT_KEPT: Final = 1


@click.command("rm")
@click.argument("wanted", metavar="RUN...", nargs=-1, required=True, shell_complete=_completing.runs)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@output_option
@debug_option
def rm(wanted: tuple[str, ...], yes: bool, output: str | None) -> int:
    """Remove the folders of RUN..., with all that is in them. Kept agents stay in the library.

    A run that is still going on is refused. Exit codes: 0 when all are removed, 1 when the answer is no, 2 otherwise.
    """
    folder = output_folder(output)
    chosen = list(dict.fromkeys(_removable(folder, one) for one in wanted))
    if not yes and not _agreed(chosen):
        click.echo("Nothing was removed.")
        return _EXIT_KEPT
    _remove(folder, chosen)
    return 0


def _removable(output: Path, wanted: str) -> Path:
    """The folder of a run that may be removed.

    Raises:
        UsageError: There is no such run, it goes on, or what is there is no run's folder.
    """
    from creator.ledger.use import in_use
    from creator.ledger.view import find_run
    from creator.outputs import RUN_ID

    if RUN_ID.fullmatch(wanted) and (output / wanted).is_symlink():
        raise UsageError(f"{str(output / wanted)!r} is a link, not the folder of a run: nothing was removed.")
    directory = find_run(output, wanted)
    view = read_run(output, directory.name)
    if not isinstance(view, str) and view.state == "running":
        raise UsageError(
            f"Run {directory.name} is still going on: end it first. If its machine is gone, delete"
            f" {str(directory)!r} yourself. Nothing was removed."
        )
    if in_use(directory):
        raise UsageError(
            f"The ledger of run {directory.name} is open in another program, perhaps the run itself: end that first."
            " Nothing was removed."
        )
    if not _is_ours(directory):
        raise UsageError(f"{str(directory)!r} holds nothing of a run: look into it, and delete it yourself.")
    return directory


def _is_ours(directory: Path) -> bool:
    """Whether a folder was made by a run, however damaged it is by now."""
    from creator.ledger.store import FILE_NAME
    from creator.outputs import RUN_FILE

    try:
        if any((directory / name).is_file() for name in (RUN_FILE, FILE_NAME)):
            return True
        return {path.name for path in directory.iterdir()} <= _EMPTY_FOLDERS
    except OSError as error:
        raise EnvironmentFault(f"Cannot read {str(directory)!r}: {error.strerror or error}.") from None


def _agreed(chosen: list[Path]) -> bool:
    """Whether the person at this terminal agrees.

    Raises:
        UsageError: There is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "Removing runs asks first, and there is no terminal to ask on: add --yes. Nothing was removed."
        )
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for directory in chosen:
        view = read_run(directory.parent, directory.name)
        told = (
            ("unreadable", "")
            if isinstance(view, str)
            else (f"{len(view.outcome.ideas):,} ideas", clean(view.outcome.objective, 100))
        )
        table.add_row(directory.name, decimal(size_of(directory)), *map(Text, told))
    stdout_console().print(table)
    which = "this run" if len(chosen) == 1 else f"these {len(chosen)} runs"
    return click.confirm(f"Remove {which}? Nothing brings it back; kept agents stay.")


def _remove(output: Path, chosen: list[Path]) -> None:
    """Remove folders, and point `latest` at what is left.

    Raises:
        EnvironmentFault: Some could not be removed; the others are.
    """
    from creator.ledger.view import run_names
    from creator.outputs import latest_name, renew_latest

    problems: list[str] = []
    before = latest_name(output)
    for directory in chosen:
        try:
            shutil.rmtree(directory)  # never follows a link, not even one that takes a folder's place meanwhile
        except OSError as error:
            problems.append(f"{directory.name}: {error.strerror or error} ({clean(str(error.filename), 200)})")
        else:
            click.echo(f"Removed: {directory.name}")
    renew_latest(output, run_names(output))
    after = latest_name(output)
    if after != before:
        click.echo(f"latest is {after} now" if after else "No run is left, so latest is gone too.")
    if problems:
        raise EnvironmentFault(f"Not removed: {'; '.join(problems)}. What is left of it stays.")
