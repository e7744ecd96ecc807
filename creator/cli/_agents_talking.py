"""Talking to agents of a run, which come back to life in a sandbox for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from creator.cli._shared import State, calm_libraries, debug_option, open_run, output_option, run_option
from creator.errors import UsageError

if TYPE_CHECKING:
    from creator.agents.messages import Created
    from creator.ledger.view import RunView
    from creator.settings import SpawnSettings
    from creator.talk import Talk

_GOODBYES: Final = frozenset({"exit", "quit", "bye"})


def _talking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        run_option,
        click.option("--model", metavar="SPEC", help="Another model than the run's."),
        click.option("--base-url", metavar="URL", help="An OpenAI-compatible server."),
        click.option("--sandbox", metavar="NAME", help="Another sandbox than the run's."),
        click.option("--unsafe", is_flag=True, default=None, help="Let a plain process run code that a model wrote."),
        output_option,
        debug_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("ask")
@click.argument("name")
@click.argument("question")
@_talking_options
@click.pass_context
def ask(ctx: click.Context, /, name: str, question: str, run: str | None, output: str | None, **changes: Any) -> None:
    """Ask agent NAME one question; - reads it from standard input."""
    text = sys.stdin.read(100_000) if question == "-" else question
    asyncio.run(_ask(open_run(output, run), name, text, _settled(ctx, changes)))


@click.command("chat")
@click.argument("name")
@_talking_options
@click.pass_context
def chat(ctx: click.Context, /, name: str, run: str | None, output: str | None, **changes: Any) -> None:
    """Talk with agent NAME; an empty line, "exit" or Ctrl-D ends it."""
    asyncio.run(_chat(open_run(output, run), name, _settled(ctx, changes)))


def _settled(ctx: click.Context, changes: dict[str, Any]) -> dict[str, Any]:
    calm_libraries((ctx.find_object(State) or State()).debug)
    return changes


async def _ask(view: RunView, name: str, question: str, changes: dict[str, Any]) -> None:
    from creator.text import clean_lines

    async with _talk(view, name, changes) as talk:
        click.echo(clean_lines(await talk.ask(question)).strip())


async def _chat(view: RunView, name: str, changes: dict[str, Any]) -> None:
    from creator.errors import CreatorError
    from creator.review.answers import Answers
    from creator.text import clean_lines

    answers = Answers(sys.stdin)
    async with _talk(view, name, changes) as talk:
        while True:
            if answers.interactive:
                click.echo("you: ", nl=False)
            line = await answers.line()
            if line is None or not line.strip() or line.strip().casefold() in _GOODBYES:
                break
            try:
                click.echo(f"{name}: {clean_lines(await talk.ask(line)).strip()}")
            except CreatorError as error:
                if not answers.interactive:
                    raise
                click.echo(f"({error})", err=True)


@asynccontextmanager
async def _talk(view: RunView, name: str, changes: dict[str, Any]) -> AsyncIterator[Talk]:
    """The agent, alive, as long as the conversation takes."""
    from creator.cells import StartFailed
    from creator.models.choose import choose_backend
    from creator.progress.plain import PlainProgress
    from creator.settings import load_environ
    from creator.talk import NoAnswer, Talk
    from creator.visits import revive

    settings = _settings(view, changes)
    agent = _agent(view, name)
    progress = PlainProgress(1, sys.stderr)
    backend = choose_backend(
        settings.model,
        settings.base_url,
        load_environ(),
        max_concurrency=settings.model_concurrency,
        progress=progress.say,
    )
    try:
        async with revive(settings, backend, progress, [agent]) as house:
            yield Talk(house, name)
    except StartFailed as failed:
        raise NoAnswer(f"{name} did not come to life: {failed.reason}") from None


def _settings(view: RunView, changes: dict[str, Any]) -> SpawnSettings:
    from creator.outputs import read_settings

    outcome = view.outcome
    alone = {"count": 1, "max_agents": 1, "keep": 1, "generations": 0}
    return read_settings(outcome.directory, changes={"objective": outcome.objective, **alone, **changes})


def _agent(view: RunView, name: str) -> Created:
    """The agent's module, when it is the one that lived."""
    from creator.authors import checked
    from creator.errors import PolicyViolation
    from creator.modules import load_live

    agent = load_live(view.outcome, name)
    try:
        checked(agent.source, name)
    except PolicyViolation as error:
        raise UsageError(f"The policy refuses the module of {name}: {error}") from None
    return agent
