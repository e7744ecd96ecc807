"""``ideas``: what a run came up with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from creator.cli import _completing
from creator.cli._ideas_export import export
from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    open_run,
    options_for,
    print_json,
    reading_options,
    run_option,
    stdout_console,
)
from creator.errors import UsageError

if TYPE_CHECKING:
    from creator.ledger.view import Comparison, RunView
    from creator.outcome import IdeaOutcome
    from creator.reporting.standings import Standings


@click.group(cls=DefaultGroup)
def ideas() -> None:
    """List the ideas of a run, show or export them, or draw who said what on the way to one.

    "ideas [RUN]" is short for "ideas list [RUN]". RUN is a run's id, the beginning of one, or latest.
    """


@ideas.command("list")
@click.argument("run", required=False, shell_complete=_completing.runs)
@click.option("--one-shot", is_flag=True, help="With the ideas that no agent had a part in.")
@reading_options
def list_ideas(run: str | None, one_shot: bool, output: str | None, as_json: bool) -> None:
    """List the ideas of RUN [default: latest], in the order of the judge's preference when there is one."""
    from creator.reporting.standings import Standings

    view = open_run(output, run)
    outcome = view.outcome
    standings = Standings(outcome)
    if as_json:
        print_json(
            {
                "run_id": outcome.run_id,
                "state": view.state,
                "ideas": [idea.model_dump(mode="json") for idea in standings.ideas],
                "one_shot": [idea.model_dump(mode="json") for idea in standings.one_shot],
                "ranking": outcome.ranking and outcome.ranking.model_dump(mode="json"),
            }
        )
        return
    from creator.cli._idea_pages import print_list
    from creator.text import clean

    console = stdout_console()
    found = standings.everything if one_shot else standings.ideas
    if found:
        print_list(console, standings, found)
        suggested = f"{PROGRAM} ideas show {found[0].number}{options_for(view, run)}"
        console.print(f"Read one: {suggested}", soft_wrap=True)
    else:
        console.print(f"No ideas in run {outcome.run_id} ({view.state}).")
    if outcome.reason:
        console.print(clean(outcome.reason, 300))


@ideas.command("show")
@click.argument("number", metavar="N", shell_complete=_completing.ideas)
@run_option
@reading_options
def show_idea(number: str, run: str | None, output: str | None, as_json: bool) -> None:
    """Show idea N with its place, all its texts, and what was said about them."""
    from creator.reporting.standings import Standings

    view = open_run(output, run)
    standings = Standings(view.outcome)
    idea = _find(view, standings, number)
    comparisons, unread = _comparisons(view, standings, idea)
    if as_json:
        place = standings.place(idea.number)
        print_json(
            {
                "run_id": view.outcome.run_id,
                "state": view.state,
                **idea.model_dump(mode="json"),
                "place": place and place.model_dump(mode="json"),
                "listed_under": standings.above(idea.number),
                "near_duplicates": standings.below(idea.number),
                "comparisons": [vars(one) for one in comparisons],
            }
        )
        return
    from creator.cli._idea_pages import print_idea

    print_idea(stdout_console(), standings, idea, comparisons, unread)


@ideas.command("lineage")
@click.argument("number", metavar="N", shell_complete=_completing.ideas)
@click.option("--full", is_flag=True, help="With the whole texts, and remarks in full.")
@run_option
@reading_options
def show_lineage(number: str, full: bool, run: str | None, output: str | None, as_json: bool) -> None:
    """Draw who said what on the way to idea N.

    Each text stands under the one that it was made from, with what was said about it.
    """
    from creator.reporting.lineage import Lineage
    from creator.reporting.standings import Standings

    view = open_run(output, run)
    standings = Standings(view.outcome)
    idea = _find(view, standings, number)
    lineage = Lineage(idea)
    if as_json:
        known = {"run_id": view.outcome.run_id, "state": view.state, "number": idea.number}
        print_json({**known, "conversation": idea.conversation, **lineage.graph()})
        return
    from creator.cli._idea_pages import print_lineage

    console = stdout_console()
    print_lineage(console, standings, lineage, full=full)
    if not full:
        console.print(f"Whole texts: {PROGRAM} ideas lineage {idea.number} --full{options_for(view, run)}")


def _find(view: RunView, standings: Standings, number: str) -> IdeaOutcome:
    """The idea that the user means, be it an agent's or a one-shot one."""
    idea = next((one for one in standings.everything if str(one.number) == number.lstrip("0")), None)
    if idea is not None:
        return idea
    numbers = [one.number for one in view.outcome.ideas]
    there = f"it has {min(numbers)} to {max(numbers)}" if numbers else "it has none"
    raise UsageError(f"No idea {number[:20]!r} in run {view.outcome.run_id}: {there}.")


def _comparisons(view: RunView, standings: Standings, idea: IdeaOutcome) -> tuple[list[Comparison], str]:
    """What judges said of an idea, and why that cannot be read."""
    from creator.errors import EnvironmentFault
    from creator.ledger.view import load_comparisons

    if not standings.judged:
        return [], ""
    try:
        return load_comparisons(view.outcome.directory, idea.number), ""
    except EnvironmentFault as error:
        return [], str(error)


ideas.add_command(export)
