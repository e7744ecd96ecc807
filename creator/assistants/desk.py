"""What all tools and resources share: the runs on disk, the runs that go on, questions, and the purse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from creator.assistants import answers
from creator.assistants.purse import Amount, Limits, Purse
from creator.assistants.questions import Questions
from creator.assistants.reading import Reader
from creator.assistants.started import StartedRuns
from creator.assistants.telling import Teller
from creator.errors import UsageError
from creator.ledger.view import RunView, find_run, load_run
from creator.outputs import LATEST, RUN_ID
from creator.settings import load_environ
from creator.text import clean
from sandbox.protocol import AGENT_NAME


class Desk:
    """Where assistants are served; an async context manager, at whose end nothing that it started is left.

    Args:
        output: The folder of all runs.
        limits: What the person allows.

    Attributes:
        output: The folder of all runs.
        teller: Takes paths and keys out of lines.
        reader: Makes answers of runs.
        started: The runs that assistants started.
        questions: Those to agents.
    """

    def __init__(self, output: Path, limits: Limits) -> None:
        self.output = output
        self.teller = Teller(output, load_environ())
        self.reader = Reader(self.teller)
        self._purse = Purse(limits)
        self.started = StartedRuns(output, self._purse)
        self.questions = Questions(self._purse)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.started)
        await self._stack.enter_async_context(self.questions)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def folder(self, run: str) -> Path:
        """The folder of a run.

        Args:
            run: Its id, or ``latest``: nothing else becomes part of a path.

        Raises:
            UsageError: There is none.
        """
        if run != LATEST and not RUN_ID.fullmatch(run):
            raise UsageError(f"{clean(run, 60)!r} is no run's id: take one of list_runs, or 'latest'.")
        return find_run(self.output, run)

    def view(self, run: str) -> RunView:
        """A run.

        Raises:
            UsageError: There is none.
            EnvironmentFault: Its files cannot be read.
        """
        return load_run(self.folder(run))

    @property
    def budget(self) -> answers.BudgetAnswer:
        """What may still be spent."""
        purse, limits = self._purse, self._purse.limits

        def tally(limit: int | None, pick: Callable[[Amount], int], left: int | None) -> answers.Tally:
            return answers.Tally(limit=limit, spent=pick(purse.spent), reserved=pick(purse.held), left=left)

        return answers.BudgetAnswer(
            cost_usd=answers.Dollars(
                limit=limits.cost,
                spent=purse.spent.dollars,
                reserved=purse.held.dollars,
                left=purse.dollars_left,
                complete=not purse.unpriced,
            ),
            tokens=tally(limits.tokens, lambda one: one.tokens, purse.tokens_left),
            agents=tally(limits.agents, lambda one: one.agents, purse.agents_left),
            runs=tally(limits.runs, lambda one: one.runs, purse.runs_left),
        )


def agent_name(name: str) -> str:
    """The name of an agent, in the form of one.

    Raises:
        UsageError: It has not.
    """
    if not AGENT_NAME.fullmatch(name):
        raise UsageError(f"{clean(name, 64)!r} is no agent's name: take one of list_agents.")
    return name
