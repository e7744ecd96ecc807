"""The ideas of a run as plain rows for other programs, best first: one record an idea, whatever its form."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Final, Literal, TextIO

from pydantic import Field

from creator.ledger.export import harmless
from creator.outcome import Record, RunOutcome
from creator.reporting.standings import Standings

RowFormat = Literal["jsonl", "csv"]

PART: Final = "part_"
"""What the columns of an idea's parts begin with in CSV: a part may have any name, that of another column too."""


class RankedIdea(Record):
    """One idea with its place, without its history: a line of ``ideas export``."""

    run_id: str
    rank: int | None = None
    """In the judge's preference, from 1; None while the run goes on, and for an idea that no judge compared."""
    number: int = Field(ge=1)
    """Tells the ideas of a run apart."""
    group: int = Field(ge=1)
    """Near-duplicates have the same: the number of the idea that they are listed under, of any other idea its own."""
    rating: float | None = None
    """Bradley-Terry strength on Elo's scale: 400 more are odds of ten to one; 1,500 is the mean of all."""
    rating_low: float | None = None
    rating_high: float | None = None
    """Between them lie 95 % of the bootstrap samples of the rating."""
    wins: float | None = None
    """Comparisons won; one that the judges were at odds about counts half."""
    comparisons: int | None = None
    title: str
    parts: dict[str, str]
    """The parts of its latest text that say something, in the order of the run's form of an idea."""
    author: str
    contributors: list[str]
    """Everybody else who wrote a text of it, or said something about one, in order."""
    generation: int = Field(ge=0)
    """Of its author: 0 for agents that the user asked for, 1 for those bred from the best of them, and so on."""
    source: Literal["agent", "one-shot"]
    """``one-shot`` for an idea of the baseline, which no agent had a part in."""
    weak: list[str]
    """What plain checks found wrong with its latest text, a few words each."""
    model: str
    """Of the author."""


def ranked_ideas(outcome: RunOutcome, *, one_shot: bool = False) -> list[RankedIdea]:
    """The ideas of a run in the order of its ranking, best first, near-duplicates after the idea they nearly repeat.

    Args:
        outcome: The run, finished or not; without a ranking the order is by number.
        one_shot: Whether those of the baseline are among them; ranks count them in either case.
    """
    standings = Standings(outcome)
    rows = []
    for idea in standings.everything if one_shot else standings.ideas:
        place, above = standings.place(idea.number), standings.above(idea.number)
        rows.append(
            RankedIdea(
                run_id=outcome.run_id,
                rank=place and place.rank,
                number=idea.number,
                group=above if above is not None else idea.number,
                rating=place and place.rating,
                rating_low=place and place.low,
                rating_high=place and place.high,
                wins=place and place.wins,
                comparisons=place and place.comparisons,
                title=idea.final.title,
                parts=standings.parts(idea.final),
                author=idea.author,
                contributors=idea.contributors,
                generation=idea.generation,
                source=idea.source,
                weak=idea.weak,
                model=idea.agent_model or outcome.model,
            )
        )
    return rows


def write_rows(file: TextIO, rows: Iterable[RankedIdea], form: RowFormat) -> None:
    """Write ideas for another program.

    Args:
        file: Where to.
        rows: The ideas.
        form: ``jsonl``: each idea is one line, a JSON object in ASCII. ``csv``: one table with a heading; a part of an
            idea is a column of its own, lists are joined with ``"; "``, and a text that a spreadsheet would run as a
            formula has an apostrophe in front.
    """
    if form == "jsonl":
        for row in rows:
            # In ASCII: some programs break lines at more characters than one.
            file.write(json.dumps(row.model_dump(mode="json")) + "\n")
        return
    found = list(rows)
    parts = list(dict.fromkeys(name for row in found for name in row.parts))
    columns = [name for name in RankedIdea.model_fields if name != "parts"]
    place = columns.index("title") + 1
    table = csv.writer(file, lineterminator="\n")
    table.writerow(harmless([*columns[:place], *(f"{PART}{name}" for name in parts), *columns[place:]]))
    for row in found:
        values = {name: "; ".join(value) if isinstance(value, list) else value for name, value in row}
        cells = [values[name] for name in columns]
        table.writerow(harmless([*cells[:place], *(row.parts.get(name) for name in parts), *cells[place:]]))
