"""What a Python program does with this package; `creator` itself gives all of it by name.

The command line goes the same way. What differs for a program: nothing is printed, no signal is handled unless that is
asked for, and nobody is asked anything unless the program brings along whom to ask.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from creator import asking, spawning
from creator.ledger.view import RunView, find_run, load_run, run_names
from creator.outcome import RunOutcome
from creator.outputs import LATEST, read_settings
from creator.progress import Progress, SilentProgress
from creator.review.base import Reviewer
from creator.settings import OutputSettings, SpawnSettings
from creator.spawning import Consent
from creator.talk import Talk
from sandbox.protocol import Pattern

File = str | PathLike[str]

OF_A_TERMINAL = frozenset({"json_output", "quiet", "yes", "confirm_above", "serve"})
"""Settings that say what a terminal shows and asks: no options here."""


class Limits(TypedDict, total=False):
    """What ends a run before its time; the options of `resume`. What they mean: `SpawnSettings`."""

    deadline: float | None
    max_tokens: int | None
    max_cost: float | None
    max_messages: int | None
    max_agents: int | None
    base_url: str | None


class SpawnOptions(Limits, total=False):
    """The options of `spawn`: the fields of `SpawnSettings` but for those that only a terminal has."""

    output: File | None
    library: File | None
    templates: Sequence[File]
    objective: str | None
    objective_file: File | None
    idea_schema: File | None
    pattern: Pattern | None
    briefs: File | None
    model: str | None
    sandbox: Literal["auto", "docker", "bubblewrap", "process"]
    isolation: Literal["process", "container"]
    agents_per_cell: int
    runtime: str | None
    unsafe: bool
    author: Literal["fill", "code"]
    review: Literal["no", "now", "later"]
    max_depth: int
    colleagues_each: int
    colleague_tokens: int
    generations: int
    keep: int | None
    tournament: bool
    judge_model: Sequence[str]
    judges: int | None
    baseline: bool | None
    embeddings: str | None
    template: str | Sequence[str] | Mapping[str, float]
    seed: int | None
    prices: File | None
    cache: bool
    bounce: float | None
    with_agents: Sequence[str]
    base_image: str
    model_concurrency: int | None
    model_timeout: float
    birth_deadline: float
    reply_deadline: float
    hop_limit: int


class TalkOptions(TypedDict, total=False):
    """The options of `talking`: what is to differ from the run's own settings."""

    model: str | None
    base_url: str | None
    sandbox: Literal["auto", "docker", "bubblewrap", "process"]
    unsafe: bool


async def spawn(
    count: int | SpawnSettings,
    /,
    *,
    progress: Progress | None = None,
    reviewer: Reviewer | None = None,
    consent: Consent | None = None,
    environ: Mapping[str, str] | None = None,
    signals: bool = False,
    begun: Callable[[Path], None] | None = None,
    **options: Unpack[SpawnOptions],
) -> RunOutcome:
    """Spawn a population, let it brainstorm, and write what came of it into a folder of its own.

    Several runs may go on side by side, in any event loop of any thread. Cancel the task that waits for one to end it:
    what there is until then is written, and can be gone on with by `resume`; then the cancellation goes on.

    Args:
        count: How many agents, 1 to 2,000; or all settings, and no options then.
        progress: Told what happens as it happens; None tells nobody.
        reviewer: Decides about each module before it goes live; nobody by default.
        consent: Told what the run is expected to take, before anything is asked of a model; raises `UsageError` when
            it shall not begin. Nobody is asked by default: ``max_cost`` and ``max_tokens`` are what bounds a run.
        environ: Where keys of providers are looked up; None for the environment over ``.env``.
        signals: Whether SIGINT and SIGTERM end the run in order, and its outcome is given then, as on the command
            line; in a main thread only.
        begun: Told the folder of the run as soon as there is one.
        **options: As on the command line. What is not given, or is None, is taken from the environment (``CREATOR_…``),
            ``.env`` and ``creator.toml`` of the current folder, else it is the usual.

    Returns:
        What the run came to, also when that is less than was asked for: see `RunOutcome.exit_code` and ``reason``.

    Raises:
        UsageError: An option does not fit, or the run shall not begin.
        EnvironmentFault: Something that the run needs is missing.
        TypeError: There is no such option.
    """
    if isinstance(count, SpawnSettings):
        if options:
            raise TypeError("spawn() takes options with a number of agents, and none beside settings")
        settings = count
    else:
        _check_names("spawn", options, SpawnOptions.__optional_keys__)
        if reviewer is not None:
            options.setdefault("review", "now")
        settings = SpawnSettings.load({"count": count, **options})
    return await spawning.spawn(
        settings,
        progress or SilentProgress(),
        environ=environ,
        reviewer=reviewer,
        consent=consent,
        signals=signals,
        begun=begun,
    )


async def resume(
    run: str | RunView = LATEST,
    /,
    *,
    output: File | None = None,
    progress: Progress | None = None,
    reviewer: Reviewer | None = None,
    consent: Consent | None = None,
    environ: Mapping[str, str] | None = None,
    signals: bool = False,
    settings: SpawnSettings | None = None,
    pending_only: bool = False,
    **limits: Unpack[Limits],
) -> RunOutcome:
    """Go on with a run that ended before its time; whatever is finished is neither done nor paid for again.

    Args:
        run: Its id, the beginning of one, ``latest``, or what `open_run` gave.
        output: The folder of all runs; None for that of the settings.
        progress: As of `spawn`.
        reviewer: As of `spawn`.
        consent: As of `spawn`, of what is left of the run.
        environ: As of `spawn`.
        signals: As of `spawn`.
        settings: All settings of the run as they are to be from now on; None for its own with the limits.
        pending_only: Whether, of what it left, only agents that wait for a person's decision are gone on with.
        **limits: New limits for the whole run, what it has spent already included; and where its server is now.

    Raises:
        UsageError: There is no such run, it is going on, or a limit does not fit.
        EnvironmentFault: Something that it needs is missing, or its record cannot be read.
        TypeError: There is no such limit.
    """
    _check_names("resume", limits, Limits.__optional_keys__)
    directory = (run if isinstance(run, RunView) else open_run(run, output=output)).outcome.directory
    return await spawning.resume(
        directory,
        settings or read_settings(directory, changes=limits),
        progress or SilentProgress(),
        environ=environ,
        reviewer=reviewer,
        pending_only=pending_only,
        consent=consent,
        signals=signals,
    )


@asynccontextmanager
async def talking(
    run: str | RunView,
    name: str,
    /,
    *,
    output: File | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    **options: Unpack[TalkOptions],
) -> AsyncIterator[Talk]:
    """An agent of a run, alive in a sandbox for the length of a conversation: ``await talk.ask("…")``.

    Args:
        run: Its id, the beginning of one, ``latest``, or what `open_run` gave.
        name: The agent.
        output: The folder of all runs; None for that of the settings.
        progress: As of `spawn`.
        environ: As of `spawn`.
        **options: What is to differ from the run's own settings.

    Raises:
        UsageError: There is no such run or agent, or its module is not the one that lived.
        EnvironmentFault: There is no sandbox or no model.
        NoAnswer: It did not come to life.
        TypeError: There is no such option.
    """
    _check_names("talking", options, TalkOptions.__optional_keys__)
    view = run if isinstance(run, RunView) else open_run(run, output=output)
    async with asking.talking(view, name, changes=options, progress=progress, environ=environ) as talk:
        yield talk


def open_run(run: str = LATEST, /, *, output: File | None = None) -> RunView:
    """A run as its files tell it at this moment, whether it goes on or not.

    Args:
        run: Its id, the beginning of one, or ``latest``.
        output: The folder of all runs; None for that of the settings.

    Raises:
        UsageError: There is no such run, or there are several.
        EnvironmentFault: Its files are missing, damaged or of another program.
    """
    return load_run(find_run(_folder(output), run))


def run_ids(*, output: File | None = None) -> list[str]:
    """The ids of all runs, oldest first.

    Args:
        output: The folder of all runs; None for that of the settings.

    Raises:
        UsageError: The folder cannot be read.
    """
    return run_names(_folder(output))


def _folder(output: File | None) -> Path:
    return OutputSettings.load({"output": None if output is None else str(output)}).output


def _check_names(function: str, given: Mapping[str, object], known: frozenset[str]) -> None:
    """Refuse what Python would have refused if the options were written out."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{function}() has no option {name!r}{hint}")
