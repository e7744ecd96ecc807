"""`report.md`: the run in short, for a terminal or a pull request.

GitHub's Markdown in lines of at most about 80 characters. Every text of a model's is escaped, so that none of it can
be a link, an image, HTML, a heading, a table or a call to somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from creator.ledger.history import History
from creator.outcome import IdeaOutcome, RunOutcome
from creator.reporting.conclusions import conclusions, honesty, origin, summary
from creator.reporting.figures.messages import ending_in_words
from creator.reporting.figures.phases import cost_of, time_of
from creator.reporting.history_figures import top_of
from creator.reporting.standings import Standings, rating_in_words
from creator.spending.limits import way_on
from creator.spending.words import cost_beside, tokens_beside
from creator.text import encodable, label, markdown_line, markdown_lines

WIDTH: Final = 80
TOLD: Final = 5
"""Ideas that are told in short."""
LISTED: Final = 10
"""Ideas in the table."""

_PARTS: Final = 3
_PART: Final = 320
_TITLE: Final = 42
_FAILURES: Final = 20
_NAMES: Final = 8
_PROGRAM: Final = "python -m creator"


def render_summary(outcome: RunOutcome, history: History | None = None) -> str:
    """The run as Markdown.

    Args:
        outcome: The run.
        history: How it went; None when that is not known, which the text says.
    """
    standings = Standings(outcome)
    blocks = [
        f"# {markdown_line(outcome.objective, 120)}",
        _wrapped(f"{summary(outcome)} {honesty(outcome)}"),
        *_notices(outcome),
        "## Top ideas",
        *_ideas(standings),
        "## How it came about",
        _wrapped(origin(outcome)),
        *_numbers(outcome, history),
        "## Failures",
        _failures(outcome),
        "## What next",
        _next(outcome, standings),
    ]
    return encodable("\n\n".join(block for block in blocks if block) + "\n")


def _wrapped(text: str, limit: int = 2_000) -> str:
    return markdown_lines(text, WIDTH, limit)


def _item(text: str, limit: int = 400) -> str:
    return markdown_lines(text, WIDTH, limit, lead="- ", hang="  ")


def _notices(outcome: RunOutcome) -> list[str]:
    """What limits all the rest."""
    said = [outcome.reason] if outcome.reason else []
    said += [one.text for one in conclusions(outcome) if one.tone != "plain"]
    return ["\n".join(map(_item, said))] if said else []


def _ideas(standings: Standings) -> list[str]:
    top = top_of(standings, LISTED)
    if not top:
        return ["No idea was completed."]
    blocks = [_table(*_rows(standings, top))]
    left = len(standings.ideas) - len(top)
    listed = {one.number for one in top}
    below = any(set(standings.below(number)) - listed for number in listed)
    alike = ", near-duplicates of these among them" if below else ""
    blocks += [_wrapped(f"And {left:,} more{alike}; all are in the folder “ideas”.")] * bool(left)
    for idea in top[:TOLD]:
        blocks += _told(standings, idea)
    return blocks


def _rows(standings: Standings, ideas: Sequence[IdeaOutcome]) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows of the table of ideas."""
    titles = [_cell(idea.final.title, _TITLE) for idea in ideas]
    if not standings.judged:
        cells = [[f"{idea.number}", title, _cell(idea.author, 24)] for idea, title in zip(ideas, titles, strict=True)]
        return ["Idea", "Title", "Author"], cells
    rows = []
    for idea, title in zip(ideas, titles, strict=True):
        place = standings.place(idea.number)
        rated = [f"{place.rating:,.0f}", f"{place.low:,.0f} to {place.high:,.0f}"] if place else ["", ""]
        rows.append([str(place.rank) if place else "", title, *rated])
    return ["Rank", "Title", "Rating", "95 % interval"], rows


def _told(standings: Standings, idea: IdeaOutcome) -> list[str]:
    place = standings.place(idea.number)
    rated = f", rated {rating_in_words(place)}" if place else ""
    names = idea.contributors[:_NAMES]
    more = f" and {len(idea.contributors) - _NAMES} more" if len(idea.contributors) > _NAMES else ""
    colleagues = f", with {', '.join(names)}{more}" if names else ""
    lines = [
        f"### {markdown_line(idea.final.title, 120) or '(no title)'}",
        _wrapped(f"Idea {idea.number}{rated}, by {idea.author}{colleagues}."),
    ]
    parts = list(standings.parts(idea.final).items())[:_PARTS]
    lines += [markdown_lines(text, WIDTH, _PART, lead=f"**{markdown_line(label(name))}:** ") for name, text in parts]
    lines += [_item(f"Weak by plain checks: {one}", 160) for one in idea.weak[:_PARTS]]
    return lines


def _numbers(outcome: RunOutcome, history: History | None) -> list[str]:
    facts = [one.text for one in conclusions(outcome) if one.tone == "plain"]
    facts += [
        f"{len(outcome.ideas):,} of {outcome.asked:,} ideas; {len(outcome.live):,} agents live,"
        f" {len(outcome.failed):,} failed; in {time_of(outcome.elapsed_s)}",
        f"{tokens_beside(outcome)}; {cost_beside(outcome)}",
        f"Sandbox: {outcome.isolation_line or outcome.sandbox}",
    ]
    if history is None:
        return [
            "\n".join(map(_item, facts)),
            _wrapped("The ledger could not be read: messages and phases are not told."),
        ]
    traffic, phases = history.traffic, history.accounts.phases
    if traffic.messages:
        endings = ", ".join(f"{count:,} {ending_in_words(name)}" for name, count in list(traffic.endings.items())[:5])
        facts.append(f"{traffic.messages:,} requests among agents: {endings}")
    blocks = ["\n".join(map(_item, facts))]
    if phases:
        heads = ["Phase", "Calls", "Tokens", "Cost", "First to last call"]
        rows = [
            [_cell(one.name, 24), f"{one.calls:,}", f"{one.tokens:,}", cost_of(one), time_of(one.ended - one.begun)]
            for one in phases
        ]
        blocks.append(_table(heads, rows))
    return blocks


def _failures(outcome: RunOutcome) -> str:
    said = [f"{one.name}: {one.reason or 'no reason given'}" for one in outcome.failed] + outcome.failures
    more = [f"and {len(said) - _FAILURES:,} more, in report.html"] if len(said) > _FAILURES else []
    return "\n".join(map(_item, [*said[:_FAILURES], *more])) if said else "None."


def _next(outcome: RunOutcome, standings: Standings) -> str:
    """Steps; the texts in code are our own, but for an agent's name, which has the form of one."""
    steps = ["Open `report.html` beside this file in a browser: all ideas and figures."]
    if standings.ideas:
        steps.append(f"`{_PROGRAM} ideas show {standings.ideas[0].number}` tells the first idea with all its texts.")
    if outcome.pending:
        steps.append(f"`{_PROGRAM} agents` lists agents that wait for your decision.")
    if outcome.limit:
        steps.append(f"`{way_on(outcome.limit, outcome.run_id)}` goes on where a limit ended the run.")
    elif outcome.interrupted:
        steps.append(f"`{_PROGRAM} runs resume {outcome.run_id}` goes on with the run.")
    if not standings.judged and outcome.ideas:
        steps.append("Name a capable model with `--judge-model` for an order that a judge prefers.")
    return "\n".join(f"- {step}" for step in steps)


def _cell(text: str, limit: int) -> str:
    return markdown_line(text, limit) or "(empty)"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand under each other in a terminal too; all but texts are set to the right."""
    widths = [max(cell_len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    right = [all(row[place][:1] in "$0123456789-" for row in rows) for place in range(len(heads))]
    rules = ["-" * (width - 1) + ":" if turned else "-" * width for width, turned in zip(widths, right, strict=True)]
    lines = [
        "| "
        + " | ".join(_padded(cell, width, turned) for cell, width, turned in zip(row, widths, right, strict=True))
        + " |"
        for row in (heads, rules, *rows)
    ]
    return "\n".join(lines)


def _padded(cell: str, width: int, turned: bool) -> str:
    room = " " * (width - cell_len(cell))
    return f"{room}{cell}" if turned else f"{cell}{room}"
