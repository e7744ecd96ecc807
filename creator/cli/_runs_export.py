"""``runs export``: what a run has on record, for other programs."""

from __future__ import annotations

import click

from creator.cli import _completing
from creator.cli._shared import debug_option, free_target, output_folder, output_option
from creator.text import clean


@click.command("export")
@click.argument("run", required=False, shell_complete=_completing.runs)
@click.option(
    "--to",
    metavar="FILE",
    required=True,
    shell_complete=_completing.files,
    help="Where to: FILE.jsonl for every table, a row a line, or FILE.csv for one of them.",
)
@click.option(
    "--table",
    metavar="NAME",
    help="Only this table or view [default: all; ranked_ideas for .csv]; see docs/reference/ledger.md.",
)
@click.option("--force", is_flag=True, help="Replace FILE.")
@output_option
@debug_option
def export(run: str | None, to: str, table: str | None, force: bool, output: str | None) -> None:
    """Export the ledger of RUN [default: latest], also while the run goes on."""
    from creator.ledger.export import check_ending, export_ledger
    from creator.ledger.store import FILE_NAME
    from creator.ledger.view import find_run

    target = free_target(to, force)
    check_ending(target)
    ledger = find_run(output_folder(output), run or "latest") / FILE_NAME
    count = export_ledger(ledger, target, table)
    click.echo(f"Written: {clean(str(target))} ({count:,} {'row' if count == 1 else 'rows'})")
