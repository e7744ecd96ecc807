"""Progress on a terminal: counters that stay in place, and lines above them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from creator.progress import AgentState, Limits
from creator.progress.counts import Counts
from creator.text import clean

_REFRESH_PER_SECOND = 8
_BAR_WIDTH = 24


class RichProgress:
    """A live display of at most six lines; it fits 80 columns, and narrower terminals cut it at the right."""

    def __init__(self, asked: int, console: Console, limits: Limits | None = None) -> None:
        self._counts = Counts(asked, limits)
        self._console = console
        self._unicode = console.encoding.startswith("utf")
        self._stage = "starting"
        self._last = ""
        self._spinner = Spinner("dots" if self._unicode else "line", style="cyan")
        self._live: Live | None = None
        self._begun = False
        self._ended = False
        self._held: list[tuple[Text, bool]] | None = None
        """Lines that wait until a person has answered; None while nobody is asked."""

    def say(self, line: str) -> None:
        """Show a line above the counters."""
        self._print(Text(clean(line, 600)))

    def stage(self, name: str) -> None:
        """Show the stage beside the spinner."""
        self._stage = clean(name, 60)
        self._begin()

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """Count it; a failure also gets a line of its own."""
        self._counts.note(name, state)
        self._begin()
        if state == "failed":
            reason = clean(reason, 300) or "no reason given"
            self._print(Text.assemble(("failed ", "bold red"), clean(name, 64), f": {reason}"))

    def idea(self, number: int, author: str, title: str) -> None:
        """Count it and show it above the counters, a line each."""
        self._counts.ideas += 1
        line = Text.assemble(("idea ", "bold green"), f"{clean(title, 80)}  ", (clean(author, 64), "dim"))
        self._print(line, whole=False)

    def known(self, ideas: int) -> None:
        """Count them."""
        self._counts.ideas = ideas

    def refined(self, author: str, refiner: str) -> None:
        """Count it and show who wrote to whom."""
        self._counts.refined += 1
        arrow = "→" if self._unicode else "->"
        self._last = f"{clean(author, 64)} {arrow} {clean(refiner, 64)}  refined"
        self._begin()

    def judged(self, done: int, planned: int) -> None:
        """Show how far the judges have come, in place of who wrote to whom."""
        self._counts.judge(done, planned)
        self._last = self._counts.judging
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
        self._stop()
        self._release()

    def _begin(self) -> None:
        self._begun = True
        if self._ended or self._live is not None or self._held is not None:
            return
        # A new one each time: one that starts again would first erase as many lines as it had.
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for line, whole in held:
            self._print(line, whole=whole)

    def _print(self, line: Text, *, whole: bool = True) -> None:
        if self._held is not None:
            self._held.append((line, whole))
            return
        self._console.print(
            line, no_wrap=not whole, overflow="fold" if whole else "ellipsis", crop=not whole, soft_wrap=False
        )

    def _render(self) -> RenderableType:
        counts = self._counts
        head = Table.grid(padding=(0, 1))
        head.add_row(self._spinner, Text(self._stage, "bold"), Text(counts.elapsed, "dim"))
        bars = Table.grid(padding=(0, 1))
        for label, done in (("live", counts.of("live")), ("ideas", counts.ideas)):
            # The default colours turn grey on terminals of 16 colours.
            bar = ProgressBar(
                total=counts.asked,
                completed=done,
                width=_BAR_WIDTH,
                style="bright_black",
                complete_style="cyan",
                finished_style="green",
            )
            bars.add_row(Text(f"  {label:<5}"), bar, Text(f"{done}/{counts.asked}"))
        numbers = Text(
            f"  written {counts.of('written')}  checked {counts.of('checked')}  refined {counts.refined}",
            no_wrap=True,
            overflow="ellipsis",
        )
        failed = counts.of("failed")
        numbers.append(f"  failed {failed}", "red" if failed else "")
        lines: list[RenderableType] = [head, bars, numbers]
        if counts.spent:
            lines.append(Text(f"  {counts.spent}", no_wrap=True, overflow="ellipsis"))
        if self._last:
            lines.append(Text(f"  {self._last}", "dim", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)
