"""The last page of a run: what it came to, where to read it and what to do next. It fits the terminal's page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

from creator.cli._shared import PROGRAM, option_for
from creator.cli._tables import as_text, generations_table, ideas_table
from creator.outcome import RunOutcome
from creator.outputs import REPORT_FILE
from creator.progress.counts import duration
from creator.reporting.conclusions import conclusions
from creator.reporting.standings import Standings
from creator.spending.limits import way_on
from creator.spending.words import cost_beside, tokens_beside
from creator.text import clean

_MAX_IDEAS: Final = 20
"""Rows of ideas; `ideas` shows all."""
_FEWEST_IDEAS: Final = 5
"""Rows of ideas that are shown before anything that the report tells as well."""
_MAX_FAILURES: Final = 6
_MAX_GENERATIONS: Final = 6
_PROMPT: Final = 1
"""Lines of the shell's prompt, below all."""


@dataclass(frozen=True)
class _Block:
    """A part of the page.

    Attributes:
        shown: What it shows.
        short: What it shows where there is little room; None to leave it out then.
        rank: Those of the highest rank become short first; of rank 0 none does.
    """

    shown: RenderableType
    short: RenderableType | None = None
    rank: int = 0


def print_summary(console: Console, outcome: RunOutcome) -> None:
    """Show the last page of a run. What a terminal has no room for is in the report; a pipe gets all of it."""
    standings = Standings(outcome)
    blocks = [
        *([_Block(generations_table(outcome.generations[-_MAX_GENERATIONS:]), rank=4)] if outcome.generations else []),
        *_conclusions(outcome, console.width),
        *_failures(outcome),
        _Block(_numbers(outcome)),
        *([_cost(outcome)] if outcome.cost != 0 else []),  # where nothing had to be paid, nothing has to be said of it
        *([_isolation(outcome, console.width)] if outcome.isolation_line else []),
        _Block(_next_steps(outcome, standings, console.width)),
    ]
    rows = min(_MAX_IDEAS, len(standings.ideas))
    if console.is_terminal:
        room = console.height - _PROMPT - _lines_of_reason(console, outcome)
        ideas = Group(*_ideas(outcome, standings, 1))
        around = _height(console, ideas) - 1 if rows else 0
        fewest = min(rows, _FEWEST_IDEAS)
        blocks = _fitted(console, blocks, room - around - fewest)
        left = room - around - sum(_height(console, one.shown) for one in blocks)
        rows = max(min(rows, left), min(rows, 1))
    for part in _ideas(outcome, standings, rows):
        console.print(part)
    for block in blocks:
        console.print(block.shown, soft_wrap=_is_whole(block.shown))


_NOTHING: Final = Group()


def _fitted(console: Console, blocks: Sequence[_Block], room: int) -> list[_Block]:
    """The blocks within so many lines, the least important ones shortened or left out."""
    kept: list[_Block] = list(blocks)
    for place in sorted(range(len(kept)), key=lambda place: (-kept[place].rank, -place)):
        if sum(_height(console, one.shown) for one in kept) <= room or not kept[place].rank:
            break
        kept[place] = _Block(kept[place].short or _NOTHING)
    return [one for one in kept if one.shown is not _NOTHING]


def _height(console: Console, shown: RenderableType) -> int:
    """How many lines of the terminal this takes."""
    if isinstance(shown, Text) and _is_whole(shown):  # the terminal breaks it
        lines = shown.plain.split("\n")
        return sum(max(1, math.ceil(Text(line).cell_len / console.width)) for line in lines)
    return len(console.render_lines(shown, pad=False))


def _is_whole(shown: RenderableType) -> bool:
    """Whether its lines are printed in one piece, to be copied."""
    return isinstance(shown, Text) and shown.no_wrap is True


def _lines_of_reason(console: Console, outcome: RunOutcome) -> int:
    """Lines of what is said after the page."""
    reason = f"creator: {clean(outcome.reason, 500)}" if outcome.exit_code else ""
    return math.ceil(len(reason) / console.width)


def _ideas(outcome: RunOutcome, standings: Standings, rows: int) -> list[RenderableType]:
    if not outcome.ideas or not rows:
        return []
    table = ideas_table(standings, standings.ideas[:rows])
    table.show_edge = False
    parts: list[RenderableType] = [table]
    if len(outcome.ideas) > rows:
        more = len(outcome.ideas) - rows
        parts.append(Text(f" and {more:,} more: {PROGRAM} ideas{option_for(outcome.directory.parent)}"))
    return parts


def _conclusions(outcome: RunOutcome, width: int) -> list[_Block]:
    """What can be said of the ideas: how they were ordered, and what makes that worth nothing, before all else."""
    blocks = []
    for place, one in enumerate(conclusions(outcome)):
        vital = one.tone == "alarm" or not place
        blocks.append(_Block(as_text(one), _cut(as_text(one), width) if vital else None, rank=1 if vital else 3))
    return blocks


def _cut(text: Text, width: int) -> Text:
    """The text in one line."""
    text.truncate(width, overflow="ellipsis")
    return text


def _failures(outcome: RunOutcome) -> list[_Block]:
    lines = [f"{clean(a.name, 64)}: {clean(a.reason, 200) or 'no reason given'}" for a in outcome.failed]
    lines += [clean(failure, 300) for failure in outcome.failures]
    if not lines:
        return []
    agents = f"{PROGRAM} agents{option_for(outcome.directory.parent)}"
    shown = [Text.assemble(("failed  ", "bold red"), line) for line in lines[:_MAX_FAILURES]]
    if len(lines) > _MAX_FAILURES:
        shown.append(Text(f"        and {len(lines) - _MAX_FAILURES} more: {agents}"))
    short = Text.assemble(("failed  ", "bold red"), f"{len(lines):,}: {agents}")
    return [_Block(Group(*shown), short, rank=1)]


def _numbers(outcome: RunOutcome) -> Text:
    tokens = f"{outcome.prompt_tokens:,} tokens read, {outcome.completion_tokens:,} written"
    reached = f"{len(outcome.ideas)} of {outcome.asked} ideas, {len(outcome.live)} agents live"
    return Text(f"{reached}, in {duration(outcome.elapsed_s)}; {tokens}")


def _cost(outcome: RunOutcome) -> _Block:
    cost = cost_beside(outcome)
    return _Block(Text(f"Cost: {cost}, {tokens_beside(outcome)}"), Text(f"Cost: {cost}"), rank=2)


def _isolation(outcome: RunOutcome, width: int) -> _Block:
    line = Text(f"Sandbox: {clean(outcome.isolation_line, 300)}", "dim")
    return _Block(line, _cut(line.copy(), width), rank=5)


def _next_steps(outcome: RunOutcome, standings: Standings, width: int) -> Text:
    """What can be done now, a command each; remarks to them only where there is room."""
    where = outcome.directory
    folder = option_for(where.parent)
    steps = [("Read", clean(str(where / REPORT_FILE)), "in a browser")]
    if standings.ideas:
        first = "what the judge prefers most" if standings.judged else ""
        steps.append(("", f"{PROGRAM} ideas show {standings.ideas[0].number}{folder}", first))
    if name := _somebody(outcome, standings):
        steps.append(("Review", f"{PROGRAM} agents show {name}{folder}", ""))
        steps.append(("Ask", f'{PROGRAM} agents ask {name} "Who would pay first?"{folder}', ""))
    steps.append(("Watch", f"{PROGRAM} serve{folder}", "runs as a live page"))
    if outcome.pending:
        steps.append(("Decide", f"{PROGRAM} agents approve {clean(outcome.pending[0].name, 64)}{folder}", ""))
    elif outcome.limit:
        steps.append(("Go on", way_on(outcome.limit, outcome.run_id) + folder, ""))
    elif outcome.exit_code and not outcome.replay_of:
        steps.append(("Go on", f"{PROGRAM} runs resume {outcome.run_id}{folder}", ""))
    if not outcome.live:
        steps.append(("Mend", f"{PROGRAM} doctor", ""))
    lines = [Text()]
    for label, step, remark in steps:
        line = Text.assemble((f"{label:<7}", "bold"), step)
        if remark and line.cell_len + len(remark) + 3 <= width:
            line.append(f" ({remark})", "dim")
        lines.append(line)
    text = Text("\n").join(lines)
    text.no_wrap = True
    return text


def _somebody(outcome: RunOutcome, standings: Standings) -> str:
    """A live agent to look at: the author of the first idea, if it lives; empty when nobody does."""
    living = [clean(agent.name, 64) for agent in outcome.live]
    author = clean(standings.ideas[0].author, 64) if standings.ideas else ""
    return author if author in living else next(iter(living), "")
