"""`spawn`: one run with its signals and its outputs."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Mapping, Sequence

from creator.errors import EnvironmentFault, UsageError
from creator.ideas.likeness import check_embeddings
from creator.library import kept_for
from creator.models.choose import choose_backend
from creator.outcome import RunOutcome
from creator.outputs import read_settings, write_outputs
from creator.panel import judge_backends
from creator.progress import Progress, SilentProgress
from creator.record import RunRecord
from creator.review.base import LaterReviewer, Reviewer
from creator.settings import SpawnSettings, load_environ
from creator.templates.finding import choose_templates
from creator.world import AuthorFactory, World


async def spawn(
    settings: SpawnSettings,
    progress: Progress,
    *,
    environ: Mapping[str, str] | None = None,
    author: AuthorFactory | None = None,
    reviewer: Reviewer | None = None,
    earlier: RunOutcome | None = None,
) -> RunOutcome:
    """Spawn a population, let it brainstorm, and write what came of it.

    SIGINT and SIGTERM end the run in order; the outcome then holds what exists.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        environ: Where provider keys are looked up; by default the environment over `.env`.
        author: Makes the author of modules; by default the one that the settings ask for.
        reviewer: Asks a person about each module, when the settings ask for that on this terminal.
        earlier: A run that has ended, whose pending agents are brought to life as far as a person approved them.

    Raises:
        UsageError: The settings don't fit together.
        EnvironmentFault: Something that the run needs is missing; no agent was spawned then.
    """
    environ = load_environ() if environ is None else environ
    backend = choose_backend(
        settings.model,
        settings.base_url,
        environ,
        max_concurrency=settings.model_concurrency,
        progress=progress.say,
    )
    check_embeddings(settings, backend)
    if settings.author == "code" and backend.strategy == "slots":
        raise UsageError(f"--author code needs a capable model, which {backend.name} is not: --model openai:NAME")
    if settings.baseline and backend.strategy == "slots":
        raise UsageError(f"--baseline needs a capable model, which {backend.name} is not: --model openai:NAME")
    judges = judge_backends(settings, backend, environ, progress.say)
    if settings.review == "later" or earlier is not None:
        reviewer = LaterReviewer()
    elif settings.review == "now" and reviewer is None:
        raise UsageError("--review needs somebody to ask: use --review=later")
    templates = choose_templates(settings.template, settings.templates, progress.say)
    kept = kept_for(settings) if earlier is None else []
    world = World(
        settings,
        progress,
        backend,
        templates,
        judges=judges,
        author=author,
        reviewer=reviewer,
        kept=kept,
        earlier=earlier,
    )
    work = asyncio.create_task(world.run())
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        work.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop, number)
    keep, fault = False, ""
    try:
        await asyncio.wait({work})
        if not work.cancelled() and (error := work.exception()) is not None:
            if not isinstance(error, EnvironmentFault) or not world.record.agents:
                raise error
            fault = str(error)
        outcome = await world.outcome(interrupted=bool(received), fault=fault)
        write_outputs(outcome)
        keep = True
        return outcome
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await world.record.ledger.close()
        progress.finish()
        if not keep and not world.record.agents and earlier is None:
            shutil.rmtree(world.directory, ignore_errors=True)  # nothing was spawned: leave no empty run


def give_up(earlier: RunOutcome, names: Sequence[str], reason: str) -> RunOutcome:
    """Give up pending agents of a run that has ended: on record, and in the files of the run.

    Args:
        earlier: What the run had come to.
        names: Whom.
        reason: Why, in one line.

    Raises:
        EnvironmentFault: Ledger or files cannot be written.
    """
    faults: list[EnvironmentFault] = []
    settings = read_settings(earlier.directory, asked=earlier.asked, objective=earlier.objective)
    record = RunRecord(settings, SilentProgress(), earlier.directory, earlier.model, faults.append, earlier)
    try:
        for number, agent in list(record.agents.items()):
            if agent.name in names:
                record.agent_failed(number, reason)
    finally:
        asyncio.run(record.ledger.close())
    if faults:
        raise faults[0]
    outcome = record.outcome(
        earlier.sandbox,
        earlier.isolation_line,
        interrupted=earlier.interrupted,
        conclusion=earlier.conclusion,
        limit=earlier.limit,
    )
    write_outputs(outcome)
    return outcome
