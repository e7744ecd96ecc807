"""``ideas export``: the ideas of a run as lines of JSON or as a table, for other programs."""

from __future__ import annotations

import io
import sys

import click

from creator.cli._shared import debug_option, free_target, open_run, output_option
from creator.errors import UsageError
from creator.text import clean, clean_lines

_OPTION = "--to"


@click.command("export")
@click.argument("run", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    help="jsonl: an idea a line. csv: a table for a spreadsheet [default: as FILE ends, else jsonl].",
)
@click.option(_OPTION, "to", metavar="FILE", help="Where to [default: printed].")
@click.option("--one-shot", is_flag=True, help="With the ideas that no agent had a part in.")
@click.option("--force", is_flag=True, help="Replace FILE.")
@output_option
@debug_option
def export(run: str | None, form: str | None, to: str | None, one_shot: bool, force: bool, output: str | None) -> None:
    """Export the ideas of RUN [default: latest], best first, also while the run goes on.

    What each field means: docs/reference/ideas-export.md.
    """
    from creator.reporting.idea_rows import ranked_ideas, write_rows

    target = None if to is None else free_target(to, force)
    if form is None and target is not None:
        form = target.suffix.lower().removeprefix(".")
        if form not in ("jsonl", "csv"):
            raise UsageError(f"{clean(target.name, 100)!r} ends in neither .jsonl nor .csv: add --format.")
    rows = ranked_ideas(open_run(output, run).outcome, one_shot=one_shot)
    text = io.StringIO(newline="")
    write_rows(text, rows, "csv" if form == "csv" else "jsonl")
    if target is not None:
        from creator.outputs import write_atomically

        write_atomically(target, text.getvalue(), _OPTION)
        click.echo(f"Written: {clean(str(target))} ({len(rows):,} {'idea' if len(rows) == 1 else 'ideas'})")
    elif sys.stdout.isatty():
        click.echo(clean_lines(text.getvalue()), nl=False)
    else:
        click.echo(text.getvalue().encode("utf-8", "backslashreplace"), nl=False)  # whatever the locale
