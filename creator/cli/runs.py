"""``runs``: what was spawned before. What can be done with runs stands in files of its own, beside this one."""

from __future__ import annotations

from typing import Final

import click

from creator.cli._runs_comparing import compare
from creator.cli._runs_export import export
from creator.cli._runs_facts import read_run, summary
from creator.cli._runs_model import model
from creator.cli._runs_removing import rm
from creator.cli._runs_replaying import pack, replay
from creator.cli._runs_resuming import resume
from creator.cli._runs_showing import show
from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    option_for,
    output_folder,
    print_json,
    reading_options,
    stdout_console,
)

_SHOWN_REASONS: Final = 10


@click.group(cls=DefaultGroup)
def runs() -> None:
    """List all runs; show, compare, play again and remove them.

    "runs" is short for "runs list". RUN is a run's id, the beginning of one, or latest.
    """


@runs.command("list")
@reading_options
def list_runs(output: str | None, as_json: bool) -> None:
    """List all runs, the newest last: agents as live/failed, ideas as made/asked for."""
    from creator.ledger.view import run_names

    folder = output_folder(output)
    found = [(name, read_run(folder, name)) for name in run_names(folder)]
    if as_json:
        print_json([summary(name, view) for name, view in found])
        return
    console = stdout_console()
    if not found:
        console.print(f"No runs in {str(folder)!r}. Start one: {PROGRAM} spawn 5", soft_wrap=True)
        return
    from rich.text import Text

    from creator.cli._runs_tables import runs_table
    from creator.text import clean

    console.print(runs_table(found, console.width))
    unreadable = [(name, view) for name, view in found if isinstance(view, str)]
    for name, reason in unreadable[:_SHOWN_REASONS]:
        console.print(Text.assemble(("unreadable  ", "bold red"), f"{name}: {clean(reason, 400)}"))
    if len(unreadable) > _SHOWN_REASONS:
        console.print(f"and {len(unreadable) - _SHOWN_REASONS:,} more that cannot be read")
    readable = [name for name, view in found if not isinstance(view, str)]
    if readable:
        console.print(f"Read one: {PROGRAM} runs show {readable[-1]}{option_for(folder)}", soft_wrap=True)


# Every command that stands in another file is put into the group here.
for _command in (show, compare, resume, replay, pack, export, model, rm):
    runs.add_command(_command)
