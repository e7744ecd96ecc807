"""The tables about runs: a list that takes the columns that fit, what was spent, and two runs side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from creator.cli._runs_facts import UNREADABLE
from creator.cli._tables import make_table, short
from creator.ledger.accounts import Share
from creator.ledger.view import RunView
from creator.progress.counts import duration
from creator.run_states import LIMIT_REACHED, state_of
from creator.spending.words import dollars
from creator.text import clean, shorten

_COLOURS: Final = {
    "running": "cyan",
    "lost": "red",
    "interrupted": "yellow",
    LIMIT_REACHED: "yellow",
    UNREADABLE: "red",
}
"""By a run's state; its words say the same without colour."""
_LONGEST: Final = 10**8
"""Seconds; whatever a damaged record says, no run took longer."""


@dataclass(frozen=True)
class _Column:
    """A column of the list of runs, for pages that are at least so wide."""

    title: str
    cell: Callable[[RunView], str]
    at_least: int = 0
    ratio: int | None = None
    right: bool = False


_COLUMNS: Final = (
    _Column("Started", lambda view: when(view.outcome.started), 120),
    _Column(
        "Agents", lambda view: f"{short(len(view.outcome.live))}/{short(len(view.outcome.failed))}", 70, right=True
    ),
    _Column("Ideas", lambda view: f"{short(len(view.outcome.ideas))}/{short(view.outcome.asked)}", right=True),
    _Column("Tokens", lambda view: short(tokens_of(view)), 70, right=True),
    _Column("Cost", lambda view: cost_in_short(view.outcome.cost), 70, right=True),
    _Column("Sandbox", lambda view: clean(view.outcome.sandbox, 10), 120),
    _Column("Model", lambda view: clean(view.outcome.model, 60), 100, ratio=2),
    _Column("Objective", lambda view: clean(view.outcome.objective, 200), ratio=3),
)


def runs_table(runs: Iterable[tuple[str, RunView | str]], width: int) -> Table:
    """A line each; a run that cannot be read says so and hides no other.

    Args:
        runs: Each with its id; instead of one that cannot be read, why.
        width: Of the page, in characters.
    """
    columns = [column for column in _COLUMNS if width >= column.at_least]
    table = make_table()
    table.padding = (0, 1, 0, 0)  # up to ten columns need the room
    table.add_column("Run", no_wrap=True)
    table.add_column("State", no_wrap=True)
    for column in columns:
        justify: Any = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, ratio=column.ratio, no_wrap=True, overflow="ellipsis")
    for name, view in runs:
        if isinstance(view, str):
            table.add_row(Text(name), state_text(UNREADABLE), *("" for _ in columns[1:]), Text(clean(view, 200)))
        else:
            table.add_row(Text(name), state_text(state_of(view)), *(Text(column.cell(view)) for column in columns))
    return table


def state_text(state: str) -> Text:
    """A run's state in its colour."""
    return Text(state, _COLOURS.get(state, ""))


def shares_table(title: str, shares: Sequence[Share], started: datetime) -> Table:
    """What was spent, a line each.

    Args:
        title: What the lines are.
        shares: What to show, in order.
        started: When the run began.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(title, min_width=24, max_width=32, no_wrap=True, overflow="ellipsis")
    for heading in ("Calls", "Read", "Written", "Cost"):
        table.add_column(heading, justify="right", min_width=7, no_wrap=True)
    table.add_column("From", justify="right", no_wrap=True)
    table.add_column("To", justify="right", no_wrap=True)
    beginning = _seconds(started)
    for one in shares:
        table.add_row(
            Text(clean(one.name, 64)),
            short(one.calls),
            short(one.prompt_tokens),
            short(one.completion_tokens),
            cost_in_short(one.cost),
            took(one.begun - beginning),
            took(one.ended - beginning),
        )
    return table


def _seconds(moment: datetime) -> float:
    """Seconds since 1970; 0 for a moment that no clock has shown, as a damaged record may hold."""
    try:
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def sides_table(names: Sequence[str], rows: Iterable[tuple[str, str, str]]) -> Table:
    """Two runs side by side.

    Args:
        names: Their ids.
        rows: What is told, and what it is in each.
    """
    table = make_table()
    table.padding = (0, 1, 0, 0)
    table.add_column("")
    for name in names:
        table.add_column(name, ratio=1, overflow="fold")
    for label, *values in rows:
        table.add_row(Text(label), *map(Text, values))
    return table


def tokens_of(view: RunView) -> int:
    """Tokens that a run has read and written."""
    return view.outcome.prompt_tokens + view.outcome.completion_tokens


def cost_in_short(cost: float | None) -> str:
    """US dollars in at most ten characters: ``$1.50``, ``<$0.0001``; ``-`` when a price is unknown."""
    if cost is None or not math.isfinite(cost):
        return "-"
    if cost >= 10**6:
        return f"${short(int(min(cost, 10.0**15)))}"
    return dollars(cost).replace("less than ", "<")


def took(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    return duration(max(0.0, min(seconds, _LONGEST)))


def when(moment: datetime) -> str:
    """A date and a time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def setting_text(value: object) -> str:
    """The value of a setting, as a person writes it, in one bounded line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shorten(clean(text, 200), 80)
