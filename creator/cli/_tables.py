"""The tables that commands print; they fit 80 columns and shorten what doesn't."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from creator.outcome import AgentOutcome, GenerationReport, IdeaOutcome
from creator.policy import Rule
from creator.reporting.conclusions import Sentence
from creator.reporting.standings import ONE_SHOT, Standings, rating_in_short
from creator.text import clean

if TYPE_CHECKING:
    from creator.library import Kept

_SHOWN_NUMBERS: Final = 3
_MOST: Final = 999 * 10**9
"""No number that is shown in short is larger; a damaged record may hold one of a thousand digits."""
STATES: Final = {"live": "green", "pending": "yellow", "failed": "red"}
"""By an agent's state: its colour."""


def as_text(sentence: Sentence) -> Text:
    """A sentence in the colour of its tone; its words say the same without colour."""
    return Text(sentence.text, {"alarm": "bold red", "notice": "yellow"}.get(sentence.tone, ""))


def ideas_table(standings: Standings, ideas: list[IdeaOutcome]) -> Table:
    """A line for each idea; what a judge prefers first, where a judge made the order.

    Args:
        standings: What is known of their places.
        ideas: Those to show, in order.
    """
    table = make_table()
    if standings.judged:
        table.padding = (0, 1, 0, 0)  # up to seven columns need the room
    marks = {idea.number: ", ".join(standings.marks(idea)) for idea in ideas}
    if standings.judged:
        table.add_column("Rank", justify="right", no_wrap=True)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Idea", ratio=5, no_wrap=True, overflow="ellipsis")
    table.add_column("Author", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("With", ratio=2 if standings.judged else 3, no_wrap=True, overflow="ellipsis", style="dim")
    if standings.judged:
        table.add_column("Rating", justify="right", no_wrap=True)
    if any(marks.values()):
        table.add_column("Mark", no_wrap=True, style="yellow")
    for idea in ideas:
        place = standings.place(idea.number)
        contributors = ", ".join(clean(name, 64) for name in idea.contributors[:10])
        cells = [
            *([Text(str(place.rank) if place else "")] if standings.judged else []),
            Text(str(idea.number)),
            Text(clean(idea.final.title, 120) or "(no title)"),
            Text(ONE_SHOT, "dim") if idea.source == ONE_SHOT else Text(clean(idea.author, 64)),
            Text(contributors),
            *([Text(rating_in_short(place) if place else "")] if standings.judged else []),
            *([Text(marks[idea.number])] if any(marks.values()) else []),
        ]
        table.add_row(*cells)
    return table


def generations_table(generations: list[GenerationReport]) -> Table:
    """A line for each generation."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("Generation", "Ideas", "Mean rating", "95 % interval", "Most preferred", "Tokens"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in generations:
        interval = "" if one.low is None or one.high is None else f"{one.low:,.0f} to {one.high:,.0f}"
        table.add_row(
            str(one.generation),
            f"{one.ideas:,}",
            "" if one.mean_rating is None else f"{one.mean_rating:,.0f}",
            interval,
            "" if one.best is None else f"idea {one.best}",
            f"{one.tokens:,}",
        )
    return table


def agents_table(agents: list[AgentOutcome], ideas: list[IdeaOutcome]) -> Table:
    """A line for each agent; names are shown whole, since commands ask for them."""
    table = make_table()
    table.padding = (0, 1, 0, 0)  # seven columns need the room
    table.add_column("Agent", ratio=5, overflow="fold")
    table.add_column("Sector", ratio=4, no_wrap=True, overflow="ellipsis")
    table.add_column("Author", no_wrap=True)
    table.add_column("Parents", ratio=3, no_wrap=True, overflow="ellipsis", style="dim")
    table.add_column("State", no_wrap=True)
    table.add_column("Tokens", justify="right", no_wrap=True)
    table.add_column("Ideas", justify="right", no_wrap=True)
    numbers: dict[str, list[str]] = {}
    for idea in ideas:
        numbers.setdefault(idea.author, []).append(str(idea.number))
    for agent in agents:
        table.add_row(
            Text(clean(agent.name, 64)),
            Text(clean(agent.sector, 80)),
            Text(clean(agent.author, 10)),
            Text(", ".join(clean(parent, 64) for parent in agent.parents[:8])),
            Text(agent.state, STATES[agent.state]),
            Text(short(agent.prompt_tokens + agent.completion_tokens)),
            Text(_some(numbers.get(agent.name, []))),
        )
    return table


def short(number: int) -> str:
    """A number of tokens in at most five characters: 950, 12k, 3.4M."""
    number = min(number, _MOST)
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f}{unit}" if number < 10 * size else f"{number // size}{unit}"
    return str(number)


def _some(numbers: list[str]) -> str:
    return ", ".join(numbers[:_SHOWN_NUMBERS]) + ("…" if len(numbers) > _SHOWN_NUMBERS else "")


def library_table(agents: list[Kept]) -> Table:
    """Two lines for each kept agent; names are shown whole, since commands ask for them."""
    table = make_table()
    table.add_column("Kept", ratio=4, overflow="fold")
    table.add_column("Persona, sector", ratio=5, no_wrap=True, overflow="ellipsis")
    table.add_column("Author", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("From run", no_wrap=True)
    for kept in agents:
        blueprint, origin = kept.blueprint, kept.origin
        if blueprint is None or origin is None:
            table.add_row(Text(kept.name), Text("cannot be used", "red"), "", "")
            continue
        table.add_row(
            Text(kept.name),
            Text.assemble(clean(blueprint.persona, 80), "\n", (clean(blueprint.sector, 80), "dim")),
            Text.assemble(blueprint.author, "\n", (blueprint.template, "dim")),
            Text.assemble(clean(origin.run_id, 20) or "no run", "\n", (f"{origin.kept:%Y-%m-%d}", "dim")),
        )
    return table


def rules_table(rules: Iterable[Rule]) -> Table:
    """Each rule's code and what it asks."""
    table = make_table()
    table.add_column("Rule", no_wrap=True)
    table.add_column("What it asks", ratio=1)
    for rule in rules:
        table.add_row(Text(rule.id), Text(rule.summary))
    return table


def make_table() -> Table:
    """An empty table of the kind that all commands print."""
    return Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1), header_style="bold")
