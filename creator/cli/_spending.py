"""Asking before a run that may cost more than a little."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from creator.errors import UsageError

if TYPE_CHECKING:
    from creator.outcome import Estimate
    from creator.progress import Progress
    from creator.settings import SpawnSettings


def asking_first(settings: SpawnSettings, progress: Progress) -> Callable[[Estimate], Awaitable[None]]:
    """What tells the estimate of a run, and asks whoever sits at this terminal where it may cost much.

    Nobody is asked with ``--yes`` or with ``--max-cost``, which agrees to that much, nor where the price is unknown.

    Args:
        settings: Of the run.
        progress: Told the estimate; the question takes the terminal from it.

    Returns:
        What raises `UsageError` when the run shall not begin: nobody agreed, or there is nobody to ask.
    """
    from creator.planning import has_to_be_agreed_to
    from creator.spending.words import dollars, expected

    async def consent(estimate: Estimate) -> None:
        line = expected(estimate)
        most = estimate.cost.high if estimate.cost is not None else 0.0
        if settings.max_cost is not None and settings.max_cost < most:
            line += f", at most {dollars(settings.max_cost)} (--max-cost)"
        if not has_to_be_agreed_to(settings, estimate):
            if most > 0 or estimate.cost is None:
                progress.say(line)
            return
        above = f"it may cost more than {dollars(settings.confirm_above)}"
        if not _is_terminal():
            progress.say(line)
            raise UsageError(
                f"not started: {above}, up to {dollars(most)}, and nobody can be asked: add --yes, or --max-cost USD"
            )
        with progress.suspend():
            agreed = await _agrees(f"{line}\n{above[0].upper()}{above[1:]} (--confirm-above). Go on? [y/N] ")
        if not agreed:
            raise UsageError("not started")

    return consent


def _is_terminal() -> bool:
    """Whether somebody can read a question here and answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


async def _agrees(question: str) -> bool:
    """Ask on the terminal; no answer is no. Ctrl-C ends the wait, as it ends a run."""
    from creator.review.answers import Answers

    answers = Answers(sys.stdin)
    answers.drop_typed_ahead()
    click.echo(question, nl=False, err=True)
    line = None
    try:
        line = await answers.line()
    finally:
        if line is None:
            click.echo(err=True)  # what comes next begins a line of its own
    return (line or "").strip().lower() in {"y", "yes"}
