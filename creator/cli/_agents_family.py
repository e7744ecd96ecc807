"""``agents add`` and ``agents tree``: one more agent while a run goes on, and who asked for whom."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import click

from creator.cli import _completing
from creator.cli._shared import (
    PROGRAM,
    debug_option,
    open_run,
    option_for,
    output_option,
    print_json,
    reading_options,
    stdout_console,
)
from creator.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from creator.family import Branch
    from creator.ledger.view import RunView

_EXAMPLE: Final = f'{PROGRAM} agents add latest "a pricing expert for clinics"'
_GUIDE_WIDTH: Final = 4
"""Characters in front of an agent for each level of the tree."""
_FACTS_WIDTH: Final = 24
"""Characters that are left for what follows a name at least, however deep it stands."""


@click.command("add")
@click.argument("run", required=False, shell_complete=_completing.runs)
@click.argument("text", required=False)
@click.option("--sector", metavar="TEXT", help="What it shall work in, instead of what follows the last for or in.")
@click.option("--role", metavar="TEXT", help="What it shall do, instead of the rest.")
@click.option("--topic", metavar="TEXT", help="A problem that it shall know well.")
@output_option
@debug_option
def add(
    run: str | None, text: str | None, sector: str | None, role: str | None, topic: str | None, output: str | None
) -> int:
    """Ask for one more agent while RUN goes on, such as "a pricing expert for clinics".

    It is written, checked and reviewed like any other, within --max-agents, and proposes an idea.
    """
    from creator.colleagues import PART_CHARACTERS
    from creator.requests import split_request
    from creator.text import clean

    if run is None or (text is None and role is None):
        raise UsageError(f"Say which run and what the agent shall be: {_EXAMPLE}")
    told_role, told_sector = split_request(text or "")
    wanted_role = clean(role or "", PART_CHARACTERS) or clean(told_role, PART_CHARACTERS)
    wanted_sector = clean(sector or "", PART_CHARACTERS) or clean(told_sector, PART_CHARACTERS)
    if not wanted_role:
        raise UsageError(f"Say what the agent shall be: {_EXAMPLE}")
    view = open_run(output, run)
    _refuse_ended(view)
    _ask(view, wanted_sector, wanted_role, clean(topic or "", PART_CHARACTERS))
    directory = view.outcome.directory
    _refuse_ended(open_run(output, directory.name))  # it may have ended meanwhile
    see = f"{PROGRAM} agents {directory.name}{option_for(directory.parent)}"
    click.echo(f"asked for: {wanted_role}, {wanted_sector}; see: {see}")
    return 0


def _refuse_ended(view: RunView) -> None:
    if view.state != "running":
        how = "has ended" if view.state == "finished" else "was killed"
        raise UsageError(f"Run {view.outcome.run_id} {how}: an agent is added while its run goes on.")


def _ask(view: RunView, sector: str, role: str, topic: str) -> None:
    from creator.ledger.store import FILE_NAME, Ledger

    ledger = Ledger.open(view.outcome.directory / FILE_NAME)
    try:
        ledger.record_wish(sector, role, topic)
    finally:
        asyncio.run(ledger.close())


@click.command("tree")
@click.argument("run", required=False, shell_complete=_completing.runs)
@reading_options
def tree(run: str | None, output: str | None, as_json: bool) -> None:
    """Show the family of RUN [default: latest]: who asked for whom, and who was bred from whom."""
    from creator.family import family_of

    view = open_run(output, run)
    outcome = view.outcome
    family = family_of(outcome.agents)
    if as_json:
        print_json({"run_id": outcome.run_id, "state": view.state, "family": [_nested(branch) for branch in family]})
        return
    console = stdout_console()
    if not family:
        console.print(f"No agents in run {outcome.run_id} ({view.state}).")
        return
    _print_tree(console, f"run {outcome.run_id}", family)


def _nested(branch: Branch) -> dict[str, Any]:
    agent = branch.agent
    return {
        **agent.model_dump(include={"name", "sector", "role", "state", "generation", "asked_by", "parents"}),
        "children": [_nested(child) for child in branch.children],
    }


def _print_tree(console: Console, title: str, family: list[Branch]) -> None:
    from rich.text import Text
    from rich.tree import Tree

    whole = Tree(Text(title, "bold"))
    # A line of a deep branch is longer than the terminal rather than without a name: commands ask for names.
    console.width = max(console.width, _grow(whole, family))
    console.print(whole, no_wrap=True, overflow="ellipsis")


def _grow(whole: Tree, family: list[Branch]) -> int:
    """Hang a family into a tree; gives how many characters of width it needs."""
    from rich.cells import cell_len
    from rich.text import Text

    from creator.cli._tables import STATES
    from creator.family import described
    from creator.text import clean

    width = 0
    waiting = [(whole, branch, 1) for branch in reversed(family)]
    while waiting:
        above, branch, level = waiting.pop()
        name = clean(branch.agent.name, 64)
        facts = described(branch, begins=level == 1)
        label = Text.assemble((name, STATES[branch.agent.state]), "  ", (facts, "dim"))
        width = max(width, level * _GUIDE_WIDTH + cell_len(name) + min(len(facts), _FACTS_WIDTH) + 2)
        node = above.add(label)
        waiting += [(node, child, level + 1) for child in reversed(branch.children)]
    return width
