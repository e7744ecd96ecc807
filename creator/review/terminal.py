"""A review on a terminal, or by answers in a pipe."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.segment import Segment, SegmentLines
from rich.text import Text

from creator.errors import UsageError
from creator.review.answers import Answers
from creator.review.base import Candidate, Verdict
from creator.review.page import Page
from creator.review.programs import Edit, edit, find_pager, run
from creator.text import clean, clean_lines

MAX_REASON: Final = 300
"""Characters of a rejection's reason; the next prompt holds them."""
_FIRST_ROWS: Final = 200
"""Rows of a difference that are shown unasked."""
_MAX_USELESS: Final = 20
"""Answers in a row out of a pipe that decide nothing; `yes` would go on for ever."""
_APPROVE: Final = "python -m creator agents approve"
_HELP: Final = {
    "a": "approve: it goes live",
    "r": "reject: the model gets your reason and tries again",
    "e": "edit the module in your editor ($VISUAL or $EDITOR); it is checked again",
    "u": "undo: leave your version out and go back to the module as it was written",
    "s": "show the source, the whole module",
    "d": "show the whole difference",
    "f": "approve this one and all later ones that a model only filled in",
    "l": "later: it waits, and the run goes on without it",
    "q": "quit reviewing: everything that is not decided waits",
    "?": "this help",
}
_WORDS: Final = {
    "approve": "a",
    "reject": "r",
    "edit": "e",
    "undo": "u",
    "source": "s",
    "difference": "d",
    "filled": "f",
    "later": "l",
    "quit": "q",
    "help": "?",
}


class TerminalReviewer:
    """Shows one candidate at a time and asks what to do with it.

    Args:
        console: Where candidates are shown.
        stream: Where answers come from, a line each; None when standard input is closed.
        editor: The editor's command, such as `find_editor` gives it; empty when there is none.
        suspend: Takes the progress display off the terminal while its context lasts.
    """

    def __init__(
        self,
        console: Console,
        stream: TextIO | None,
        editor: Sequence[str] = (),
        suspend: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._console = console
        self._answers = Answers(stream)
        self._editor = editor
        self._suspend = suspend
        self._turn = asyncio.Lock()
        self._trusts_filled = False
        self._closed = False
        self._useless = 0
        self._edited: dict[tuple[str, str], str] = {}
        """The person's versions that are being checked, by name and hash of the candidate."""
        self._refused: dict[tuple[str, str], Edit] = {}

    async def review(self, candidate: Candidate) -> Verdict:
        """The person's decision; waits for those on other candidates first."""
        async with self._turn:
            draft = self._refused.pop(_key(candidate), None)
            if self._closed and draft is None:
                return Verdict("pending")
            with self._suspend():
                if draft is not None and self._closed:
                    return self._leave_out(candidate, draft)
                if self._trusts_filled and candidate.author == "fill" and draft is None:
                    self._say(f"approved unasked: {clean(candidate.name, 64)}", "green")
                    return Verdict("approved")
                return await self._decide(Page(candidate, draft))

    async def tell(self, candidate: Candidate, problem: str) -> None:
        """Keep the refused version for the next `review` of this candidate."""
        source = self._edited.pop(_key(candidate), candidate.source)
        self._refused[_key(candidate)] = Edit(source, problem)

    async def _decide(self, page: Page) -> Verdict:
        await self._introduce(page)
        while True:
            answer = await self._ask(_question(page))
            if answer is None:
                return self._close("The answers have ended.")
            word = answer.casefold()
            result = await self._act(_WORDS.get(word, word), page)
            if isinstance(result, Verdict):
                self._useless = 0
                return result
            page = result
            self._useless += 1
            if self._useless >= _MAX_USELESS and not self._answers.interactive:
                return self._close(f"{_MAX_USELESS} answers in a row decided nothing.")

    async def _act(self, key: str, page: Page) -> Verdict | Page:
        """Do what was asked for; gives a decision, or the page that the next answer is about."""
        candidate = page.candidate
        match key:
            case "a" | "f" if page.draft is not None:
                self._say("Your version was refused by the checks: e edits it again, u leaves it out.")
            case "a":
                return Verdict("approved")
            case "f" if candidate.author != "fill":
                self._say("Only modules whose values a model filled in can be approved together; this one is none.")
            case "f":
                self._trusts_filled = True
                self._say("This one and all later ones that a model filled in are approved.", "green")
                return Verdict("approved")
            case "r":
                return await self._reject() or page
            case "e":
                return await self._edit(page)
            case "u" if page.draft is not None:
                page = Page(candidate, None)
                await self._introduce(page)
            case "s":
                await self._show(page.module)
            case "d":
                await self._show(lambda: page.changes(whole=True))
            case "l":
                self._say("It waits. Decide later:")
                self._suggest(clean(candidate.name, 64))
                return Verdict("pending")
            case "q":
                return self._close()
            case _:
                self._help(page)
        return page

    async def _reject(self) -> Verdict | None:
        why = await self._ask("Why? The reason goes to the model (one line; an empty one goes back)")
        if why is None:
            return self._close("The answers have ended.")
        if not why:
            self._say("A rejection needs a reason. Nothing is decided yet.")
            return None
        return Verdict("rejected", why=why)

    async def _edit(self, page: Page) -> Verdict | Page:
        candidate = page.candidate
        if not self._editor:
            self._say("There is no editor: set EDITOR, for example EDITOR=nano, and start again.")
            return page
        try:
            made = await edit(self._editor, candidate.name, page.source, self._answers, self._console.file)
        except OSError as error:
            what = clean(self._editor[0], 200)
            self._say(f"Cannot edit with {what!r}: {error.strerror}. Mend that or set EDITOR, and start again.")
            return page
        if not made.problem:
            self._edited[_key(candidate)] = made.source
            return Verdict("edited", source=made.source)
        self._say(made.problem)
        return page if made.source == page.source else Page(candidate, made)

    def _leave_out(self, candidate: Candidate, draft: Edit) -> Verdict:
        name = clean(candidate.name, 64)
        self._say(f"Your version of {name} was refused: {clean(draft.problem, 1_000)}", "red")
        self._say("The module as it was written waits. Decide later:")
        self._suggest(name)
        return Verdict("pending")

    def _close(self, why: str = "") -> Verdict:
        self._closed = True
        self._say(f"{why} What is not decided stays pending. Decide later:".lstrip())
        self._suggest("NAME")
        return Verdict("pending")

    async def _ask(self, question: str) -> str | None:
        """The next answer, cleaned; None when there are no more."""
        self._say(question, "bold")
        self._console.print(Text("> "), end="")
        try:
            line = await self._answers.line()
        except asyncio.CancelledError:
            self._console.print()
            raise
        answer = None if line is None else clean(line, MAX_REASON)
        if answer is None or not self._answers.interactive:
            self._console.print(Text(answer or ""))  # a terminal has shown what was typed
        return answer

    async def _introduce(self, page: Page) -> None:
        self._answers.drop_typed_ahead()
        self._console.print(page.head())
        self._console.print()
        rows = await self._rows(lambda: page.changes(whole=False))
        self._print(rows[:_FIRST_ROWS])
        if len(rows) > _FIRST_ROWS:
            self._say(f"... and {len(rows) - _FIRST_ROWS:,} more rows: d shows all", "bold yellow")

    async def _show(self, make: Callable[[], RenderableType]) -> None:
        """Show something whole: in the pager if it is longer than the screen."""
        rows = await self._rows(make)
        console = self._console
        if console.is_terminal and self._answers.interactive and len(rows) >= console.height:
            with console.capture() as captured:
                self._print(rows)
            data = captured.get().encode(console.encoding, "backslashreplace")
            try:
                pager = find_pager(os.environ)
                if pager and await run(pager, self._answers, console.file, data) == 0:
                    return
            except UsageError as error:
                self._say(str(error))
            except OSError as error:
                self._say(f"Cannot show it with {clean(pager[0], 200)!r}: {error.strerror}.")
        self._print(rows)

    def _help(self, page: Page) -> None:
        keys = _keys(page)
        for key, meaning in _HELP.items():
            if key in keys:
                self._say(f"  {key}  {meaning}")

    async def _rows(self, make: Callable[[], RenderableType]) -> list[list[Segment]]:
        """Something in rows of the screen's width; a large module takes seconds, and the run goes on meanwhile."""
        return await asyncio.to_thread(lambda: self._console.render_lines(make(), pad=False))

    def _print(self, rows: list[list[Segment]]) -> None:
        self._console.print(SegmentLines(rows, new_lines=True), end="")

    def _suggest(self, name: str) -> None:
        self._console.print(Text(f"  {_APPROVE} {name}"), soft_wrap=True)

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(clean_lines(text), style))


def _key(candidate: Candidate) -> tuple[str, str]:
    return candidate.name, candidate.sha256


def _keys(page: Page) -> str:
    """The answers that a page takes."""
    return "uresdlq?" if page.draft is not None else "aresdflq?" if page.candidate.author == "fill" else "aresdlq?"


def _question(page: Page) -> str:
    rest = "[r]eject  [e]dit  [s]ource  [d]ifference"
    if page.draft is not None:
        return f"[u]ndo your edit  {rest}\n[l]ater (without your edit)  [q]uit  ?"
    together = "[f]illed ones: approve all  " if page.candidate.author == "fill" else ""
    return f"[a]pprove  {rest}\n{together}[l]ater  [q]uit  ?"
