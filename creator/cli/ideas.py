"""``ideas``: what a run came up with."""

from __future__ import annotations

import click

from creator.cli._shared import (
    PROGRAM,
    DefaultGroup,
    open_run,
    option_for,
    print_json,
    reading_options,
    run_option,
    stdout_console,
)
from creator.errors import UsageError


@click.group(cls=DefaultGroup)
def ideas() -> None:
    """List the ideas of a run, or show one.

    "ideas [RUN]" is short for "ideas list [RUN]". RUN is a run's id, the beginning of one, or latest.
    """


@ideas.command("list")
@click.argument("run", required=False)
@reading_options
def list_ideas(run: str | None, output: str | None, as_json: bool) -> None:
    """List the ideas of RUN [default: latest]."""
    view = open_run(output, run)
    found = view.outcome.ideas
    if as_json:
        print_json(
            {
                "run_id": view.outcome.run_id,
                "state": view.state,
                "ideas": [idea.model_dump(mode="json") for idea in found],
            }
        )
        return
    from creator.cli._tables import ideas_table
    from creator.text import clean

    console = stdout_console()
    if found:
        console.print(ideas_table(found))
        console.print(f"Read one: {PROGRAM} ideas show 1{option_for(view.outcome.directory.parent)}", soft_wrap=True)
    else:
        console.print(f"No ideas in run {view.outcome.run_id} ({view.state}).")
    if view.outcome.reason:
        console.print(clean(view.outcome.reason, 300))


@ideas.command("show")
@click.argument("number", metavar="N")
@run_option
@reading_options
def show_idea(number: str, run: str | None, output: str | None, as_json: bool) -> None:
    """Show idea N with all its texts."""
    view = open_run(output, run)
    found = {str(idea.number): idea for idea in view.outcome.ideas}
    idea = found.get(number.lstrip("0"))
    if idea is None:
        there = f"it has 1 to {len(found)}" if found else "it has none"
        raise UsageError(f"No idea {number[:20]!r} in run {view.outcome.run_id}: {there}.")
    if as_json:
        print_json({"run_id": view.outcome.run_id, "state": view.state, **idea.model_dump(mode="json")})
        return
    from rich.padding import Padding
    from rich.text import Text

    from creator.text import clean, clean_lines, label
    from sandbox.protocol import Idea

    console = stdout_console()

    def show(texts: Idea) -> None:
        for name, text in texts.parts.items():
            console.print(Text(label(name), "bold cyan"))
            # Indented, so that no line of a text passes for a label of ours.
            console.print(Padding(Text(clean_lines(text).strip()), (0, 0, 0, 2)))
            console.print()

    console.print(Text(f"{idea.number}  {clean(idea.final.title, 200)}", "bold"))
    contributors = ", ".join(clean(name, 64) for name in idea.contributors) or "none"
    console.print(Text(f"Author: {clean(idea.author, 64)}   Contributors: {contributors}", "dim"))
    console.print()
    show(idea.final)
    for place, version in enumerate(idea.versions[:-1]):
        what = "The author's own text" if place == 0 else f"Refinement {place}"
        console.rule(Text(f"{what}, by {clean(version.author, 64)}"), align="left", style="dim")
        console.print(Text(clean(version.idea.title, 200), "bold"))
        console.print()
        show(version.idea)
