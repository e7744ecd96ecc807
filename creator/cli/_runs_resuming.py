"""``runs resume``: go on with a run that ended before its time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from creator.cli import _completing
from creator.cli._shared import (
    State,
    calm_libraries,
    debug_option,
    open_run,
    output_option,
    print_json,
    stdout_console,
    tell_reason,
)

if TYPE_CHECKING:
    from creator.ledger.view import RunView


@click.command("resume")
@click.argument("run", metavar="[RUN]", required=False, shell_complete=_completing.runs)
@click.option("--max-tokens", metavar="T", help="A new limit of tokens for the whole run.")
@click.option("--max-cost", metavar="USD", help="A new limit of cost for the whole run.")
@click.option("--max-messages", metavar="M", help="A new limit of requests for the whole run.")
@click.option("--max-agents", metavar="M", help="A new limit of agents for the whole run.")
@click.option("--deadline", metavar="SECONDS", help="A new deadline for the whole run.")
@click.option("--base-url", metavar="URL", help="Where the model's server is now.")
@click.option("--confirm-above", metavar="USD", help="Ask before a run that may cost more [default: 1].")
@click.option("--yes", is_flag=True, default=None, help="Ask nothing before an expensive run.")
@click.option("--decided-only", is_flag=True, help="Of what is left, only agents that waited for a decision.")
@output_option
@click.option("--json", "json_output", is_flag=True, default=None, help="Print the outcome as one JSON document.")
@click.option("--quiet", is_flag=True, default=None, help="Print nothing but errors.")
@debug_option
@click.pass_context
def resume(
    ctx: click.Context, /, run: str | None, output: str | None, decided_only: bool, **changes: str | bool | None
) -> int:
    """Go on with a run that ended before its time.

    Whatever is finished is reused: births, model calls, ideas, comparisons. Of RUN the beginning of its id is enough;
    without one it is the latest. Limits are those that the run had, unless new ones are given.

    Exit codes as of spawn.
    """
    view = open_run(output, run)
    state = ctx.find_object(State) or State()
    calm_libraries(state.debug)
    return go_on(view, changes, pending_only=decided_only)


def go_on(view: RunView, changes: Mapping[str, object] | None = None, *, pending_only: bool = False) -> int:
    """Open a run once more, and tell what came of it.

    Args:
        view: The run.
        changes: Settings that are other ones now; None for those that stay.
        pending_only: Whether only those are gone on with about whom a person had to decide.
    """
    from creator import resume as resume_run
    from creator.cli._spending import asking_first
    from creator.cli._summary import print_summary
    from creator.cli.spawn import reviewer_for
    from creator.outputs import read_settings
    from creator.progress import Limits, make_progress
    from creator.telemetry.export import exported_spans

    settings = read_settings(view.outcome.directory, changes=changes)
    limits = Limits(settings.max_tokens, settings.max_cost)
    progress = make_progress(settings.asked, quiet=settings.quiet, stream=sys.stderr, limits=limits)
    try:
        reviewer = reviewer_for(progress) if settings.review == "now" and not pending_only else None
        consent = asking_first(settings, progress)
        with exported_spans(quiet=settings.quiet):
            work = resume_run(
                view,
                settings=settings,
                progress=progress,
                reviewer=reviewer,
                consent=consent,
                pending_only=pending_only,
                signals=True,
            )
            outcome = asyncio.run(work)
    finally:
        progress.finish()
    if settings.json_output:
        print_json(outcome.model_dump(mode="json"))
    elif not settings.quiet:
        print_summary(stdout_console(), outcome)
    return tell_reason(outcome)
