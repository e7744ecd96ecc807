"""The parts of the display on a terminal: the heading, the counters, and what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from creator.progress.counts import Counts, Standing
from creator.progress.words import HEADLINES, STEPS

_ROOM_FOR_BARS: Final = 50
"""Columns from which on there are bars."""
_BAR: Final = 24
_LABEL: Final = 8


class Signs:
    """The signs that a terminal can show.

    Args:
        encoding: Of the terminal.

    Attributes:
        arrow: From who wrote to whom.
        bar: Between two columns.
        dot: Between two facts.
        marks: Before a step of the run.
        overflow: What becomes of a line that is too long.
        spinner: Turns while the run goes on.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        unicode = encoding.lower().startswith("utf")
        self.arrow, self.bar, self.dot = ("→", "│", "·") if unicode else ("->", "|", "-")
        self.marks: dict[Standing, str] = {"done": "✓", "going on": "●", "to come": "○"}
        if not unicode:
            self.marks = {"done": "x", "going on": ">", "to come": "-"}
        # The sign of an ellipsis would become three, and the line too long.
        self.overflow: Literal["ellipsis", "crop"] = "ellipsis" if unicode else "crop"
        self.spinner = Spinner("dots" if unicode else "line", style="cyan")

    def showable(self, text: str) -> str:
        """The text with what the terminal lacks written out, so that its width is known."""
        try:
            return text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        except LookupError:
            return text.encode("ascii", "backslashreplace").decode("ascii")


class _Line:
    """A line that is cut at the right edge, by signs that the terminal has; where there is little room it goes on."""

    def __init__(self, text: Text, signs: Signs) -> None:
        self._text = text
        self._signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self._text.copy()
        if console.width < _ROOM_FOR_BARS:
            text.overflow = "fold"
            yield text
            return
        text.truncate(options.max_width, overflow=self._signs.overflow)
        text.no_wrap, text.overflow = True, "crop"
        yield text


class _Steps:
    """The steps of a run side by side, where there is room for all of them."""

    def __init__(self, counts: Counts, signs: Signs) -> None:
        self._counts = counts
        self._signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        styles = {"done": "green", "going on": "bold cyan", "to come": "dim"}
        shown = [
            Text(f"{self._signs.marks[standing]} {STEPS[activity]}", styles[standing])
            for activity, standing in self._counts.standings.items()
        ]
        line = Text("  ").append_text(Text("  ").join(shown))
        if line.cell_len <= options.max_width:
            yield line


class _Heading:
    """What goes on, and what that means where there is room for it."""

    def __init__(self, counts: Counts, signs: Signs) -> None:
        self._counts = counts
        self._signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        title, meaning = HEADLINES[self._counts.activity]
        line = Text(title, "bold")
        if 2 + len(title) + 2 + len(meaning) <= options.max_width:
            line = Text.assemble((title, "bold"), f": {meaning}")
        row = Table.grid(padding=(0, 1))
        row.add_row(self._signs.spinner, _Line(line, self._signs))
        yield row


class _Counters:
    def __init__(self, counts: Counts, signs: Signs, message: Text | None) -> None:
        self._counts = counts
        self._signs = signs
        self._message = message

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        counts, bars = self._counts, options.max_width >= _ROOM_FOR_BARS
        total = counts.total
        rows: list[tuple[str, tuple[int, int] | None, Text]] = [
            ("agents", (counts.of("live"), total), self._agents()),
            ("ideas", (counts.ideas, total), self._ideas()),
        ]
        if counts.judging:
            rows.append(("judging", (counts.judged, counts.planned), Text(counts.judging)))
        if counts.spent:
            rows.append(("spent", None, Text(counts.spent)))
        if self._message is not None:
            rows.append(("message", None, self._message))
        to_go = counts.to_go
        rows.append(("time", None, Text(f"{counts.elapsed}{f', {to_go}' if to_go else ''}")))
        for label, done, text in rows:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=_LABEL + 2)
            cells: list[RenderableType] = [Text(f"  {label}", "dim")]
            if done is not None and bars:
                cells.append(_bar(*done))
                row.add_column(width=_BAR)
            row.add_row(*cells, _Line(text, self._signs))
            yield row

    def _agents(self) -> Text:
        counts = self._counts
        text = Text(f"{counts.of('live')} of {counts.total} live")
        pending, failed = counts.of("pending"), counts.of("failed")
        self._add(text, f"{counts.of('written')} written")
        if pending:
            self._add(text, f"{pending} to review", "yellow")
        if failed:
            self._add(text, f"{failed} failed", "red")
        return text

    def _ideas(self) -> Text:
        counts = self._counts
        text = Text(f"{counts.ideas} of {counts.total}")
        if counts.conversations:
            self._add(text, f"{counts.conversations} talking now")
        self._add(text, f"{counts.refined} refined")
        return text

    def _add(self, text: Text, fact: str, style: str = "") -> None:
        text.append(f" {self._signs.dot} ", "dim").append(fact, style)


def heading(counts: Counts, signs: Signs) -> RenderableType:
    """What goes on now, and the steps of the run."""
    return Group(_Heading(counts, signs), _Steps(counts, signs))


def counters(counts: Counts, signs: Signs, message: Text | None) -> RenderableType:
    """All that is counted, a line each.

    Args:
        counts: The state of the run.
        signs: What the terminal can show.
        message: The last message between two agents; None to show none.
    """
    return _Counters(counts, signs, message)


def lately(events: Sequence[Text], rows: int, width: int, overflow: Literal["ellipsis", "crop"]) -> list[Text]:
    """The last events, newest at the bottom, for a place of so many rows and columns."""
    shown = [Text("What agents do", "dim")]
    for event in events[-(rows - 1) :] if rows > 1 else []:
        line = event.copy()
        line.truncate(width, overflow=overflow)
        shown.append(line)
    return shown


def _bar(done: int, total: int) -> ProgressBar:
    # The default colours turn grey on terminals of 16 colours.
    return ProgressBar(
        total=max(total, 1),
        completed=done,
        width=_BAR,
        style="bright_black",
        complete_style="cyan",
        finished_style="green",
    )
