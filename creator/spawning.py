"""`spawn`: one run with its outputs, and what ends it before its time."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from creator.errors import EnvironmentFault, UsageError
from creator.house import end_tasks
from creator.ledger.view import load_run
from creator.locks import RunLock
from creator.outcome import Estimate, RunOutcome
from creator.outputs import read_settings, write_outputs
from creator.planning import plan_run
from creator.progress import Progress, SilentProgress
from creator.record import RunRecord
from creator.resuming import load_earlier
from creator.review.base import LaterReviewer, Reviewer
from creator.settings import SpawnSettings, load_environ
from creator.telemetry.spans import Value, ended, span
from creator.world import AuthorFactory, World

Consent = Callable[[Estimate], Awaitable[None]]
"""Asks whether a run shall begin that will take so much; raises `UsageError` when it shall not."""


async def spawn(
    settings: SpawnSettings,
    progress: Progress,
    *,
    environ: Mapping[str, str] | None = None,
    author: AuthorFactory | None = None,
    reviewer: Reviewer | None = None,
    earlier: RunOutcome | None = None,
    pending_only: bool = False,
    consent: Consent | None = None,
    signals: bool = False,
    begun: Callable[[Path], None] | None = None,
) -> RunOutcome:
    """Spawn a population, let it brainstorm, and write what came of it.

    Whoever is cancelled while waiting finds in the run's folder what there was until then.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        environ: Where provider keys are looked up; by default the environment over `.env`.
        author: Makes the author of modules; by default the one that the settings ask for.
        reviewer: Asks a person about each module, when the settings ask for that on this terminal.
        earlier: What a run came to, as its ledger tells it, that is gone on with in its folder; None for a new one.
        pending_only: Whether, of what it left, only agents that wait for a person's decision are gone on with.
        consent: Told what the run will take, before anything is made or asked of a model; what it raises ends all.
            None where nobody needs to agree.
        signals: Whether SIGINT and SIGTERM end the run in order, and the outcome then holds what exists; in a main
            thread only.
        begun: Told the folder of the run as soon as there is one.

    Raises:
        UsageError: The settings don't fit together, or nobody agrees to what the run may cost.
        EnvironmentFault: Something that the run needs is missing; no agent was spawned then.
    """
    environ = load_environ() if environ is None else environ
    plan = plan_run(settings, environ, progress.say, earlier)
    if settings.review == "later" or pending_only:
        reviewer = LaterReviewer()
    elif settings.review == "now" and reviewer is None:
        raise UsageError("--review needs somebody to ask: use --review=later")
    if consent is not None and plan.expected is not None and not pending_only:
        await consent(plan.expected)
    world = World(
        settings,
        progress,
        plan.backend,
        plan.templates,
        judges=plan.judges,
        author=author,
        reviewer=reviewer,
        kept=plan.kept,
        earlier=earlier,
        pending_only=pending_only,
        price_of=plan.price_of,
        estimate=plan.estimate,
    )
    lock = RunLock(world.directory) if earlier is None else nullcontext()
    with lock:
        if begun is not None:
            begun(world.directory)
        return await let_work(world, progress, earlier, signals=signals)


async def let_work(
    world: World, progress: Progress, earlier: RunOutcome | None = None, *, signals: bool = False
) -> RunOutcome:
    """Let a world work, with the outputs that come of it.

    Whoever is cancelled while waiting for it finds in the run's folder what there was until then, as after a signal.

    Args:
        world: The run.
        progress: Told when it is over.
        earlier: What it had come to before, when it is gone on with.
        signals: Whether SIGINT and SIGTERM end it in order, and it gives its outcome then; in a main thread only.

    Raises:
        CreatorError: It could not begin.
        CancelledError: Whoever waited for it was cancelled.
    """
    known: dict[str, Value | None] = {
        "creator.run.id": world.directory.name,
        "creator.run.asked": world.settings.asked,
        "creator.run.model": world.backend.name,
        "creator.run.resumed": earlier is not None,
    }
    with span("run", known) as run:
        outcome, cancelled = await _worked(world, progress, earlier, signals)
        ended(run, outcome)
    if cancelled is not None:
        raise cancelled
    return outcome


async def _worked(
    world: World, progress: Progress, earlier: RunOutcome | None, signals: bool
) -> tuple[RunOutcome, asyncio.CancelledError | None]:
    """What a run came to, which is on disk by then, and the cancellation that ended it."""
    work = asyncio.create_task(world.run())
    received: list[signal.Signals] = []
    cancelled: asyncio.CancelledError | None = None

    def stop(number: signal.Signals) -> None:
        received.append(number)
        work.cancel()

    keep, fault = False, ""
    with _handled(stop) if signals else nullcontext():
        try:
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError as cancellation:
                cancelled = cancellation
                await end_tasks(work)
            if not work.cancelled() and (error := work.exception()) is not None:
                if not isinstance(error, EnvironmentFault) or not world.record.births:
                    raise error
                fault = str(error)
            outcome = await world.outcome(interrupted=bool(received) or cancelled is not None, fault=fault)
            progress.stage("reporting")
            write_outputs(outcome)
            keep = True
            return outcome, cancelled
        finally:
            await end_tasks(work)
            await world.record.ledger.close()
            progress.finish()
            if not keep and not world.record.births and earlier is None:
                shutil.rmtree(world.directory, ignore_errors=True)  # nothing was spawned: leave no empty run


@contextmanager
def _handled(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Let the signals that end a program call ``stop`` instead."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def resume(
    directory: Path,
    settings: SpawnSettings,
    progress: Progress,
    *,
    environ: Mapping[str, str] | None = None,
    reviewer: Reviewer | None = None,
    pending_only: bool = False,
    consent: Consent | None = None,
    signals: bool = False,
) -> RunOutcome:
    """Go on with a run that ended before its time; see `spawn` for what is common to both.

    Args:
        directory: The run's folder.
        settings: The run's own, with changes.
        progress: Told what happens as it happens.
        environ: Where provider keys are looked up; by default the environment over `.env`.
        reviewer: Asks a person about each module, when the settings ask for that on this terminal.
        pending_only: Whether, of what it left, only agents that wait for a person's decision are gone on with.
        consent: Told what the rest of it may take, before anything is asked of a model.
        signals: As of `spawn`.

    Raises:
        UsageError: The run is going on, or the settings don't fit together.
        EnvironmentFault: Something that the run needs is missing, or its record cannot be read.
    """
    with RunLock(directory):
        last = load_run(directory)
        if last.outcome.replay_of:
            raise UsageError(
                f"Run {last.outcome.run_id} is run {last.outcome.replay_of} played again: play that once more instead."
            )
        if last.state == "finished" and last.outcome.exit_code == 0 and not pending_only:
            progress.say(f"run {last.outcome.run_id} is complete: nothing is left to do")
            return last.outcome
        earlier = load_earlier(directory)
        return await spawn(
            settings,
            progress,
            environ=environ,
            reviewer=reviewer,
            earlier=earlier,
            pending_only=pending_only,
            consent=consent,
            signals=signals,
        )


def give_up(earlier: RunOutcome, names: Sequence[str], reason: str) -> RunOutcome:
    """Give up pending agents of a run that has ended: on record, and in the files of the run.

    Args:
        earlier: What the run had come to.
        names: Whom.
        reason: Why, in one line.

    Raises:
        EnvironmentFault: Ledger or files cannot be written.
    """
    with RunLock(earlier.directory):
        return _given_up(earlier, load_earlier(earlier.directory), names, reason)


def _given_up(last: RunOutcome, earlier: RunOutcome, names: Sequence[str], reason: str) -> RunOutcome:
    faults: list[EnvironmentFault] = []
    settings = read_settings(earlier.directory, asked=earlier.asked, changes={"objective": earlier.objective})
    record = RunRecord(settings, SilentProgress(), earlier.directory, earlier.model, faults.append, earlier)
    try:
        for number, agent in list(record.agents.items()):
            if agent.name in names:
                record.agent_failed(number, reason)
        outcome = record.outcome(
            last.sandbox,
            last.isolation_line,
            interrupted=last.interrupted,
            conclusion=last.conclusion,
            limit=last.limit,
        )
    finally:
        asyncio.run(record.ledger.close())
    if faults:
        raise faults[0]
    write_outputs(outcome)
    return outcome
