"""Asking an agent of a run something: it comes back to life in a sandbox for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from creator.agents.messages import Created
from creator.authors import checked
from creator.cells import StartFailed
from creator.errors import PolicyViolation, UsageError
from creator.ledger.view import RunView
from creator.models.choose import choose_backend
from creator.modules import load_live
from creator.outputs import read_settings
from creator.progress import Progress, SilentProgress
from creator.settings import SpawnSettings, load_environ
from creator.spending.budget import Budget
from creator.talk import NoAnswer, Talk
from creator.visits import revive

BudgetFor = Callable[[SpawnSettings, str], Budget]
"""Gives the budget of a conversation from its settings and the name of its model, or refuses it with a `UsageError`."""


@asynccontextmanager
async def talking(
    view: RunView,
    name: str,
    *,
    changes: Mapping[str, object] | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    budget_for: BudgetFor | None = None,
    earlier: Sequence[str] = (),
) -> AsyncIterator[Talk]:
    """An agent of a run, alive as long as the conversation takes; the run itself does not notice.

    Args:
        view: The run, whether it goes on or not.
        name: The agent; it must have lived, with exactly the module that is on disk.
        changes: Settings that are to differ from the run's, such as ``model``; None for those that stay.
        progress: Told about a model or a sandbox that has to be fetched or built.
        environ: Where provider keys are looked up; by default the environment over `.env`.
        budget_for: Bounds what the conversation may spend, before anything is spent; None for no limit.
        earlier: What was said before: the asker's texts and the agent's own, in turn.

    Raises:
        UsageError: There is no such agent, its module is not the one that lived or is refused by the policy, or there
            is too little to spend.
        EnvironmentFault: There is no sandbox or no model.
        NoAnswer: It did not come to life; the text is the reason.
    """
    outcome = view.outcome
    alone = {"count": 1, "max_agents": 1, "keep": 1, "generations": 0}
    settings = read_settings(outcome.directory, changes={"objective": outcome.objective, **alone, **(changes or {})})
    agent = _live(view, name)
    told = progress or SilentProgress()
    backend = choose_backend(
        settings.model,
        settings.base_url,
        load_environ() if environ is None else environ,
        max_concurrency=settings.model_concurrency,
        progress=told.say,
    )
    budget = None if budget_for is None else budget_for(settings, backend.name)
    try:
        async with revive(settings, backend, told, [agent], budget) as house:
            yield Talk(house, name, earlier)
    except StartFailed as failed:
        raise NoAnswer(f"{name} did not come to life: {failed.reason}") from None


def _live(view: RunView, name: str) -> Created:
    """The agent's module, when it is the one that lived."""
    agent = load_live(view.outcome, name)
    try:
        checked(agent.source, name)
    except PolicyViolation as error:
        raise UsageError(f"The policy refuses the module of {name}: {error}") from None
    return agent
