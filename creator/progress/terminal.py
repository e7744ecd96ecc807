"""Progress on a terminal: what goes on, in words and counters that stay in place, and lines above them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.text import Text

from creator.progress import AgentState, Limits, Stage
from creator.progress.counts import Counts
from creator.progress.panels import Signs, counters, heading, lately
from creator.text import clean

_REDRAW_SECONDS: Final = 0.125
_WIDE: Final = 120
"""Columns from which on the last events stand beside the counters."""
_LEFT: Final = 78
"""Columns of the counters then."""
_EVENTS: Final = 8


class RichProgress:
    """A live display of at most eight lines that fits any width.

    Args:
        asked: How many agents the run is to have.
        console: Where it is shown.
        limits: What the run may spend; None for no limit.
        clock: Gives seconds that only go forward.
    """

    def __init__(
        self,
        asked: int,
        console: Console,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = Counts(asked, limits, clock)
        self._console = console
        self._signs = Signs(console.encoding)
        self._events: deque[Text] = deque(maxlen=_EVENTS)
        """What happened last between agents, oldest first."""
        self._message: Text | None = None
        """The last message."""
        self._live: Live | None = None
        self._drawing = threading.Lock()
        """Held by whoever writes to the terminal: the counters would lose a line to lines that come in between."""
        self._gone = threading.Event()
        self._begun = False
        self._ended = False
        self._held: list[tuple[Text, bool]] | None = None
        """Lines that wait until a person has answered; None while nobody is asked."""

    def say(self, line: str) -> None:
        """Show a line above the counters."""
        self._print(self._text(line, 600))

    def stage(self, name: Stage) -> None:
        """Show what goes on now."""
        self._counts.stage = name
        self._begin()

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """Count it; a failure also gets a line of its own."""
        self._counts.note(name, state)
        self._begin()
        if state == "live":
            self._events.append(Text.assemble(self._text(name, 64), (" is live", "dim")))
        if state == "failed":
            reason = clean(reason, 300) or "no reason given"
            self._print(Text.assemble(("failed ", "bold red"), self._text(name, 64), ": ", self._text(reason, 300)))

    def idea(self, number: int, author: str, title: str) -> None:
        """Count it and show it above the counters, a line each."""
        self._counts.add_idea()
        head, by = Text("idea ", "bold green"), self._text(author, 64)
        by.stylize("dim")
        shown = self._text(title, 80)
        shown.truncate(max(self._console.width - len(head) - 2 - by.cell_len, 20), overflow=self._signs.overflow)
        self._print(Text.assemble(head, shown, "  ", by), whole=False)

    def known(self, ideas: int) -> None:
        """Count them."""
        self._counts.ideas = ideas

    def refined(self, author: str, refiner: str) -> None:
        """Count it."""
        self._counts.refined += 1
        self._begin()

    def message(self, source: str, target: str, what: str) -> None:
        """Show who wrote to whom, and why."""
        names = self._text(source, 64), f" {self._signs.arrow} ", self._text(target, 64)
        self._message = Text.assemble(*names, ": ", self._text(what, 80))
        self._events.append(self._message)
        self._begin()

    def conversation(self, change: Literal[1, -1]) -> None:
        """Count them."""
        self._counts.conversations += change
        self._begin()

    def judged(self, done: int, planned: int) -> None:
        """Show how far the judges have come."""
        self._counts.judge(done, planned)
        self._begin()

    def tokens(self, prompt: int, completion: int, cost: float | None = None) -> None:
        """Show the totals, and the limits that there are."""
        self._counts.spend(prompt, completion, cost)

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Take the counters away and hold all lines back until the context ends, or the run."""
        if self._held is not None:
            yield  # someone is being asked already, and resumes it
            return
        self._held = []
        self._stop()
        try:
            yield
        finally:
            self._release()
            if self._begun:
                self._begin()

    def finish(self) -> None:
        """Take the counters away and give the cursor back."""
        self._ended = True
        self._gone.set()
        self._stop()
        self._release()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The display as it is now, for the width that there is."""
        if options.max_width < _WIDE:
            yield Group(heading(self._counts, self._signs), counters(self._counts, self._signs, self._message))
            return
        shown = Group(heading(self._counts, self._signs), counters(self._counts, self._signs, None))
        left = console.render_lines(shown, options.update_width(_LEFT), pad=True)
        right = lately(list(self._events), len(left), options.max_width - _LEFT - 3, self._signs.overflow)
        bar = self._signs.bar
        for number, line in enumerate(left):
            yield from line
            if number < len(right):
                yield Text.assemble((f" {bar} ", "dim"), right[number], end="")
            yield Text("")

    def _begin(self) -> None:
        self._begun = True
        if self._ended or self._live is not None or self._held is not None:
            return
        # A new one each time: one that starts again would first erase as many lines as it had.
        self._live = live = Live(console=self._console, get_renderable=lambda: self, auto_refresh=False, transient=True)
        with self._drawing:
            live.start(refresh=True)
        threading.Thread(target=self._keep_drawing, args=(live,), daemon=True).start()

    def _keep_drawing(self, live: Live) -> None:
        """Draw the counters anew until they are taken away; in a thread, as the run may be busy."""
        while not self._gone.wait(_REDRAW_SECONDS):
            with self._drawing:
                if self._live is not live:
                    break
                live.refresh()

    def _stop(self) -> None:
        with self._drawing:
            live, self._live = self._live, None
            if live is not None:
                live.stop()

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for line, whole in held:
            self._print(line, whole=whole)

    def _print(self, line: Text, *, whole: bool = True) -> None:
        if self._held is not None:
            self._held.append((line, whole))
            return
        if not whole:
            line.truncate(self._console.width, overflow=self._signs.overflow)
        with self._drawing:
            self._console.print(line, overflow="fold", soft_wrap=False)

    def _text(self, text: str, limit: int) -> Text:
        return Text(self._signs.showable(clean(text, limit)))
