"""``runs``: all runs of a folder."""

from __future__ import annotations

import click

from creator.cli._shared import PROGRAM, option_for, output_folder, print_json, reading_options, stdout_console
from creator.errors import CreatorError


@click.command()
@reading_options
def runs(output: str | None, as_json: bool) -> None:
    """List all runs, the newest last."""
    from creator.ledger.view import RunView, load_run, run_names

    folder = output_folder(output)
    found: list[tuple[str, RunView | str]] = []
    for name in run_names(folder):
        try:
            found.append((name, load_run(folder / name)))
        except CreatorError as error:
            found.append((name, str(error)))
    if as_json:
        print_json([_summary(name, view) for name, view in found])
        return
    from creator.cli._tables import runs_table

    console = stdout_console()
    if not found:
        console.print(f"No runs in {str(folder)!r}. Start one: {PROGRAM} spawn 5", soft_wrap=True)
        return
    console.print(runs_table(found))
    console.print(f"Read one: {PROGRAM} ideas {found[-1][0]}{option_for(folder)}", soft_wrap=True)


def _summary(name: str, view: object) -> dict[str, object]:
    from creator.ledger.view import RunView

    if not isinstance(view, RunView):
        return {"run_id": name, "state": "unreadable", "reason": str(view)}
    outcome = view.outcome
    return {
        "run_id": name,
        "state": view.state,
        "objective": outcome.objective,
        "model": outcome.model,
        "sandbox": outcome.sandbox,
        "asked": outcome.asked,
        "ideas": len(outcome.ideas),
        "live": len(outcome.live),
        "failed": len(outcome.failed),
        "started": outcome.started.isoformat(),
        "elapsed_s": outcome.elapsed_s,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "exit_code": None if view.state == "running" else outcome.exit_code,
        "reason": outcome.reason,
        "directory": str(outcome.directory),
    }
